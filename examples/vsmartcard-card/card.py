"""A card of vsmartcard's own library (Debian: python3-virtualsmartcard, python3-pycryptodome) at vpcd: a small file system on its
ISO/IEC 7816-4 operating system, which nobody here wrote. Usage: card.py HOST PORT"""
import importlib
import sys

# Debian 12 puts the library beside the path on which Python looks, and has pycryptodome under another name.
sys.path.insert(0, "/usr/lib/python3/site-packages/virtualsmartcard")
sys.modules["Crypto"] = importlib.import_module("Cryptodome")
for name in ["Cipher", "Hash", "Protocol", "Protocol.KDF"]:
    sys.modules["Crypto." + name] = importlib.import_module("Cryptodome." + name)

from virtualsmartcard import TLVutils
from virtualsmartcard.SmartcardFilesystem import DF, MF, TransparentStructureEF
from virtualsmartcard.SmartcardSAM import SAM
from virtualsmartcard.VirtualSmartcard import Iso7816OS, VirtualICC
from virtualsmartcard.ConstantDefinitions import FDB



def pack(data, recalculate_length=False):
    """BER-TLV. Version 3.3's own breaks down on Python 3, and with it every SELECT that answers control information."""
    octets = b""
    for tag, _, value in data:
        value = value if isinstance(value, bytes) else pack(value)
        length = len(value)
        head = bytes([length]) if length < 0x80 else bytes([0x81, length]) if length < 0x100 else b"\x82" + length.to_bytes(2, "big")
        octets += tag.to_bytes((tag.bit_length() + 7) // 8, "big") + head + value
    return octets


TLVutils.pack = pack
AID = bytes.fromhex("A0000003085345")


def card():
    """MF, in it a DF by name with a file of 8 octets (short identifier 1) and one of 300 (short identifier 2)."""
    mf = MF(filedescriptor=FDB["DF"])
    df = DF(parent=mf, fid=0x5015, dfname=AID, filedescriptor=FDB["DF"])
    for fid, short, data in [(0x0101, 1, bytes(range(1, 9))), (0x0102, 2, bytes(i * 7 % 251 for i in range(300)))]:
        df.append(TransparentStructureEF(parent=df, fid=fid, shortfid=short, data=data))
    mf.append(df)
    sam = SAM(b"1234", b"1234567890")
    sam.set_MF(mf)
    return Iso7816OS(mf, sam)


icc = VirtualICC(None, "iso7816", sys.argv[1], int(sys.argv[2]))
icc.os = card()
icc.run()
