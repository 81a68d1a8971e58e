//! Foreign programs talk to `untorn card serve` as to any card: opensc-tool, pcsc_scan, and a script with pyscard.
#![cfg(all(feature = "pcsc", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use support::pcscd::{Pcscd, READER};
use support::untorn::{Desk, ran};
use support::virtual_card::Seen;

/// The process `untorn card serve`; ends when dropped.
struct Served {
    process: Child,
    _desk: Desk,
}

impl Served {
    fn start(pcscd: &Pcscd) -> Self {
        let (desk, seen) = (Desk::new(&[]), Seen::start());
        let address = pcscd.address().to_string();
        let mut process = desk.command(&["card", "serve", "--vpcd", &address]).stdout(Stdio::piped()).spawn().unwrap();
        // Read to its end, so that the process never waits at a full pipe.
        let output = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(drop));
        seen.wait_inserted();
        Self { process, _desk: desk }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `true` where the program is; without it a failure in CI, a word elsewhere.
fn is_there(program: &str, package: &str) -> bool {
    let found = Path::new("/usr/bin").join(program).exists();
    assert!(found || std::env::var_os("CI").is_none(), "{program} is not installed (apt-get install {package})");
    if !found {
        eprintln!("SKIPPED: {program} is not installed (apt-get install {package})");
    }
    found
}

/// What `opensc-tool` prints for these commands.
fn opensc(commands: &[&str]) -> String {
    let mut opensc = Command::new("opensc-tool");
    opensc.args(["--reader", "0", "--card-driver", "default"]);
    for command in commands {
        opensc.args(["-s", command]);
    }
    let ran = ran(&mut opensc);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout
}

const SELECT: &str = "00:A4:04:00:09:F0:45:50:55:52:53:45:00:01:00";

#[test]
fn opensc_tool_sees_a_card_like_any_other() {
    let Some(pcscd) = Pcscd::start() else { return };
    if !is_there("opensc-tool", "opensc") {
        return;
    }
    let _served = Served::start(&pcscd);
    let answers = [
        (vec![SELECT], "SW1=0x90, SW2=0x00"),
        (vec![SELECT, "E0:A4:04:00:00"], "SW1=0x6E, SW2=0x00"),
        (vec![SELECT, "80:02:00:00:00"], "SW1=0x6D, SW2=0x00"),
        (vec![SELECT, "00:A4:04:77:09:F0:45:50:55:52:53:45:00:01:00"], "SW1=0x6A, SW2=0x86"),
        (vec![SELECT, "80:86:01:01:03:01:02:03:00"], "SW1=0x67, SW2=0x00"),
        (vec!["00:A4:04:00:05:A0:00:00:00:03:00"], "SW1=0x6A, SW2=0x82"),
    ];
    for (commands, expected) in answers {
        let printed = opensc(&commands);
        let last = printed.rsplit("Received").next().unwrap().to_owned();
        assert!(last.contains(expected), "{commands:?}: expected {expected}, got\n{printed}");
    }
}

#[test]
fn pcsc_scan_names_the_reader_and_its_card() {
    let Some(pcscd) = Pcscd::start() else { return };
    if !is_there("pcsc_scan", "pcsc-tools") {
        return;
    }
    let _served = Served::start(&pcscd);
    // -t 1 ends it after a second, -n keeps it from looking into its ATR list.
    let ran = ran(Command::new("pcsc_scan").args(["-n", "-t", "1"]).env("TERM", "dumb"));
    assert!(ran.stdout.contains(READER), "{ran:?}");
    assert!(ran.stdout.contains("Card inserted") && ran.stdout.contains("3B"), "{ran:?}");
}

/// Prints one line a fact; what the lines must be stands in the test.
const PYSCARD: &str = r"
from smartcard.System import readers
from smartcard.util import toHexString
connection = readers()[0].createConnection()
connection.connect()
def send(octets):
    data, sw1, sw2 = connection.transmit(octets)
    return data, '%02X%02X' % (sw1, sw2)
aid = [0xF0, 0x45, 0x50, 0x55, 0x52, 0x53, 0x45, 0x00, 0x01]
data, sw = send([0x00, 0xA4, 0x04, 0x00, 9] + aid + [0])
print('select', sw, data[0] == 0x6F)
# GET DATA 0100 is 256 octets: whole with Le 00.
data, sw = send([0x00, 0xCA, 0x01, 0x00, 0x00])
print('short', len(data), sw)
# GET DATA 0101 is 600 octets, octet n being n modulo 251: in pieces by 61xx and GET RESPONSE ...
whole, (data, sw) = [], send([0x00, 0xCA, 0x01, 0x01, 0x00])
pieces = 0
while sw.startswith('61'):
    whole, pieces = whole + data, pieces + 1
    data, sw = send([0x00, 0xC0, 0x00, 0x00, int(sw[2:], 16)])
whole += data
print('pieces', pieces, len(whole), sw, whole == [n % 251 for n in range(600)])
# ... and in one piece with extended length.
data, sw = send([0x00, 0xCA, 0x01, 0x01, 0x00, 0x00, 0x00])
print('extended', len(data), sw, data == [n % 251 for n in range(600)])
data, sw = send([0x80, 0x86, 0x01, 0x01, 0x18] + [0] * 24 + [0])
print('forged', sw)
";

#[test]
fn pyscard_reads_short_long_and_extended_answers() {
    let Some(pcscd) = Pcscd::start() else { return };
    if !is_there("python3", "python3") || !Path::new("/usr/lib/python3/dist-packages/smartcard").exists() {
        assert!(std::env::var_os("CI").is_none(), "pyscard is not installed (apt-get install python3-pyscard)");
        eprintln!("SKIPPED: pyscard is not installed (apt-get install python3-pyscard)");
        return;
    }
    let _served = Served::start(&pcscd);
    // Debian's own Python: it is the one that Debian's pyscard is for.
    let ran = ran(Command::new("/usr/bin/python3").args(["-c", PYSCARD]));
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let expected =
        ["select 9000 True", "short 256 9000", "pieces 2 600 9000 True", "extended 600 9000 True", "forged 6982"];
    assert_eq!(lines, expected, "{ran:?}");
}
