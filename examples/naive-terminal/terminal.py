#!/usr/bin/python3
"""A terminal for the purse, as one writes it on the first day: suite EPC1, one sale, one card.

    naive_terminal.py READER AMOUNT

Ends with 0 (paid), 10 (refused) or, as Python does by itself, 1 (it broke down). It writes nothing down, so that it cannot know what
became of an order whose answer is lost: it says "refused", and the suite will say what is wrong with that.
"""
import os
import sys
import time

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from smartcard.Exceptions import CardConnectionException, NoCardException
from smartcard.scard import SCARD_UNPOWER_CARD
from smartcard.System import readers

AID = bytes.fromhex("F04550555253450001")
TERMINAL = b"NAIVE001"
# The test scheme's; docs/testing-your-card.md.
PRIVACY_KEY = bytes.fromhex("FC40E944F7F8CF6C3F34CCAAFBD4C0EB")
DEBIT_MASTER = bytes.fromhex("81CF809705B9BB073824F540287644E2")


def des3(key, iv, data, decrypt=False):
    cipher = Cipher(algorithms.TripleDES(key), modes.CBC(iv))
    way = cipher.decryptor() if decrypt else cipher.encryptor()
    return way.update(data)


def pad(data):
    return data + b"\x80" + bytes(-(len(data) + 1) % 8)


def derive(key, first, second):
    return des3(key, bytes(8), first)[-8:] + des3(key, bytes(8), second)[-8:]


def retail_mac(key, data):
    left, right = key[:8] * 2, key[8:] * 2
    last = des3(left, bytes(8), pad(data))[-8:]
    return des3(left, bytes(8), des3(right, bytes(8), last, decrypt=True))


class Session:
    def __init__(self, send):
        self.send = send
        self.counter = 0

    def open(self):
        answer, status = self.send(bytes.fromhex("00A40400") + bytes([len(AID)]) + AID + b"\0")
        if status != b"\x90\0":
            return None
        fields = {}
        rest = answer[answer.index(b"\xA5") + 2:]
        while rest:
            fields[rest[0]], rest = rest[2:2 + rest[1]], rest[2 + rest[1]:]
        card_nonce, hidden_id = fields[0xC2], fields[0xC3]
        mask = des3(PRIVACY_KEY, bytes(8), card_nonce)
        card = des3(PRIVACY_KEY, mask, hidden_id, decrypt=True)
        key = derive(DEBIT_MASTER, b"EPD1\1\0\0\0" + card, b"EPD1\2\0\0\0" + card)
        nonce = os.urandom(8)
        ids = nonce + card_nonce + card + TERMINAL
        self.enc, self.mac, self.rmac = (
            derive(key, b"EPC1" + bytes([use, 1, 0, 128]) + ids, b"EPC1" + bytes([use, 2, 0, 128]) + ids)
            for use in (4, 6, 7))
        header = bytes([0x80, 0x86, 1, fields[0xC5][0]])
        told = b"T" + len(AID).to_bytes(2, "big") + AID + len(answer).to_bytes(2, "big") + answer
        tag = retail_mac(self.mac, told + header + nonce + TERMINAL)
        answer, status = self.send(header + bytes([24]) + nonce + TERMINAL + tag + b"\0")
        hidden, self.chain = answer[:-8], answer[-8:]
        if status != b"\x90\0" or self.chain != retail_mac(self.rmac, b"C" + tag + hidden):
            return None
        return self.decipher(hidden)

    def iv(self, first):
        return des3(self.enc, bytes(8), bytes([first]) + self.counter.to_bytes(7, "big"))

    def decipher(self, data):
        return des3(self.enc, self.iv(0x80), data, decrypt=True).rstrip(b"\0")[:-1]

    def protected(self, instruction, plain):
        self.counter += 1
        hidden = des3(self.enc, self.iv(0), pad(plain))
        header = bytes([0x84, instruction, 0, 0, len(hidden) + 8])
        self.chain = retail_mac(self.mac, self.chain + header + hidden)
        answer, status = self.send(header + hidden + self.chain + b"\0")
        if len(answer) < 8 or retail_mac(self.rmac, self.chain + answer[:-8] + status) != answer[-8:]:
            return None
        return self.decipher(answer[:-8]) if status == b"\x90\0" else b""


def pay(send, amount):
    session = Session(send)
    state = session.open()
    if not state:
        return False
    counter = int.from_bytes(state[1:5], "big") + 1
    transaction = TERMINAL + bytes(4) + os.urandom(4)
    order = b"\x80\5\1" + amount.to_bytes(4, "big")
    plain = b"\1" + counter.to_bytes(4, "big") + transaction + int(time.time()).to_bytes(4, "big") + order
    receipt = session.protected(0xD8, plain)
    if not receipt or receipt[13:29] != transaction:
        return False
    session.protected(0xDA, transaction)
    return True


def main():
    reader = next(reader for reader in readers() if str(reader) == sys.argv[1])
    connection = reader.createConnection()
    connection.connect(disposition=SCARD_UNPOWER_CARD)

    def send(command):
        data, sw1, sw2 = connection.transmit(list(command))
        return bytes(data), bytes([sw1, sw2])

    try:
        paid = pay(send, int(sys.argv[2]))
    except CardConnectionException:
        paid = False
    print("Thank you." if paid else "Refused. Please pay again.")
    return 0 if paid else 10


if __name__ == "__main__":
    sys.exit(main())
