//! `untorn decode` with what people have: a log through the standard input, a line of one, octets in any form.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

fn decode(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_untorn"));
    let mut child =
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    output
}

fn text(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const LOG: &str = "# Detected readers\nA>> T=1 (4+0000) 00A40400 00 \nA<< (0018+2) (26ms) 6F108408A000000151000000A5049F6501FF 9000\n";

#[test]
fn a_log_becomes_a_conversation() {
    let told = text(&decode(&["decode"], LOG));
    for line in [
        "   1 -> command APDU, 5 octets",
        "INS A4: SELECT",
        "   1 <- response APDU, 20 octets  (26ms)",
        "9F65",
        "passed over: 1.",
    ] {
        assert!(told.contains(line), "{line:?} in\n{told}");
    }
    assert_eq!(told, text(&decode(&["decode", "-"], LOG)));
    let json: serde_json::Value = serde_json::from_str(&text(&decode(&["--json", "decode"], LOG))).unwrap();
    assert_eq!((&json["commands"], &json["responses"], &json["passed_over"]), (&1.into(), &1.into(), &1.into()));
    assert_eq!(json["exchanges"][1]["time"], "26ms");
    assert_eq!(json["exchanges"][1]["number"], 1);
}

/// Tags of our own families name nothing on a card of no family.
#[test]
fn a_foreign_card_has_public_names_only() {
    let told = text(&decode(&["decode", "6F0F8408A000000151000000A503C1010280009000"], ""))
        + &text(&decode(&["decode"], ">> 00A4040000\n<< 6F0F8408A000000151000000A503C1010280 9000\n"));
    assert!(
        told.contains("6F File Control Information (FCI) Template") && !told.contains("version and suites"),
        "{told}"
    );
}

/// Longer than any one string of octets may be: it is explained as it comes.
#[test]
fn a_log_may_be_of_any_length() {
    let log = "> 00 84 00 00 08\n< 01 02 03 04 05 06 07 08 90 00 : Normal processing.\nnothing\n".repeat(20_000);
    assert!(log.len() > 1 << 20);
    let told = text(&decode(&["decode"], &log));
    assert!(told.ends_with("Commands: 20000, answers: 20000, answers to reset: 0; other lines, passed over: 20000.\n"));
}

#[test]
fn octets_in_pasted_forms() {
    let expected = text(&decode(&["decode", "3B650000 2063CBA000"], ""));
    assert!(expected.starts_with("answer to reset"));
    for form in [
        "0x3B, 0x65, 0x00, 0x00, 0x20, 0x63, 0xCB, 0xA0, 0x00",
        "3B-65-00-00-20-63-CB-A0-00",
        "3b:65:00:00:20:63:cb:a0:00",
    ] {
        assert_eq!(text(&decode(&["decode", form], "")), expected, "{form}");
        assert_eq!(text(&decode(&["decode"], form)), expected, "{form}");
    }
}

/// Marks of direction begin with a hyphen; options behind them stay options.
#[test]
fn a_line_that_begins_with_an_arrow_is_an_argument() {
    for arrow in ["->", "=>", "-->", ">>"] {
        let line = format!("{arrow} 00A40400023F00");
        let told = text(&decode(&["decode", &line], ""));
        assert!(told.starts_with("   1 -> command APDU, 7 octets\n"), "{line}: {told}");
        assert_eq!(told, text(&decode(&["decode", arrow, "00A40400023F00"], "")), "{line}");
        let json = text(&decode(&["decode", &line, "--json"], ""));
        assert!(json.contains("\"commands\""), "{line}: {json}");
    }
    assert_eq!(decode(&["decode", "--no-such-option"], "").status.code(), Some(3));
    assert_eq!(decode(&["decode", "9000", "--as", "status"], "").status.code(), Some(0));
}

/// A card is found, chosen and asked, as `hf 14a list` of proxmark3 shows it (frames by hand from ISO/IEC 14443-3:2018, checksums of
/// Proxmark/proxmark3, issues 11 and 670): each row is a frame, whatever command its octets look like.
#[test]
fn rows_of_a_sniffer_are_frames_and_never_commands() {
    let log = "
      Start |        End | Src | Data (! denotes parity error)                                           | CRC | Annotation
------------+------------+-----+-------------------------------------------------------------------------+-----+------------
          0 |        992 | Rdr |26(7)                                                                    |     | REQA
       2228 |       4596 | Tag |44  03                                                                   |     |
       7040 |       9504 | Rdr |93  20                                                                   |     | ANTICOLL
      10676 |      16500 | Tag |88  04  A1  B2  9f                                                       |     |
      17000 |      27520 | Rdr |93  70  92  C0  45  6B  7C  05  CD                                       |  ok | SELECT_UID
      28708 |      32228 | Tag |20  FC  70                                                               |  ok |
      33000 |      37000 | Rdr |E0  80  31  73                                                           |  ok | RATS
      38000 |      44000 | Tag |06  75  77  81  02  80  02  F0                                           |  ok |
      45000 |      49000 | Rdr |50  00  57  CE                                                           | !crc| HALT
      50000 |      54000 | Rdr |00  84  00  00  11  22                                                   | !crc|
";
    let told = text(&decode(&["decode"], log));
    for line in [
        "REQA 26",
        "ATQA 4403: identifier of 7 octets",
        "SEL 93: ANTICOLLISION of cascade level 1",
        "cascade tag 88",
        "BCC 9F: right",
        "SEL 93: SELECT of cascade level 1",
        "CRC_A 05CD: right",
        "SAK 20: UID complete, ISO/IEC 14443-4 supported",
        "frame size of the reader 256",
        "TL 06: 6 octets",
        "HLTA 5000",
        "CRC_A 57CE: wrong, expected 57 CD",
        "Commands: 6, answers: 4, answers to reset: 0;",
    ] {
        assert!(told.contains(line), "{line:?} in\n{told}");
    }
    assert!(!told.contains("APDU") && !told.contains("GET CHALLENGE"), "{told}");
}

#[test]
fn bare_lines_that_alternate_are_a_conversation() {
    let told = text(&decode(&["decode"], "3B8001 81\n00A40400023F00\n9000\n\n00 B0 00 00 02\n12 34 90 00\n"));
    assert!(told.contains("   2 -> command APDU") && told.contains("   3 <- response APDU, 4 octets"), "{told}");
    assert!(told.ends_with("Commands: 2, answers: 2, answers to reset: 1; other lines, passed over: 0.\n"), "{told}");
}

/// Wherever a string is broken into rows, it stays one string.
#[test]
fn rows_of_one_string_stay_one() {
    let octets = "6F1E8407A0000000031010A513500B56495341204352454449549F38039F1A029000";
    let expected = text(&decode(&["decode"], octets));
    for width in (2..octets.len()).step_by(2) {
        let rows: Vec<&str> =
            (0..octets.len()).step_by(width).map(|at| &octets[at..octets.len().min(at + width)]).collect();
        assert_eq!(text(&decode(&["decode"], &rows.join("\n"))), expected, "{width}");
    }
}

/// Blocks of T=1, by hand: the last octet is the exclusive-or of those before it.
#[test]
fn blocks_of_a_contact_card_in_a_log_are_blocks() {
    let told = text(&decode(&["decode"], ">> 00 00 05 00 84 00 00 08 89\n<< 00 00 04 12 34 90 00 B2\n"));
    for line in ["NAD 00", "INS 84: GET CHALLENGE", "LRC 89: right", "LRC B2: right"] {
        assert!(told.contains(line), "{line:?} in\n{told}");
    }
}

/// Class 90 of a native command is no chain: each answer belongs to its own command, and 91AF is a DESFire's.
#[test]
fn native_commands_of_a_desfire_are_no_chain() {
    let log = ">> 9060000000\n<< 04010101001A0591AF\n>> 90AF000000\n<< 04010101001A0591AF\n>> 90AF000000\n<< 04112233445566BA34567890251191 00\n";
    let told = text(&decode(&["decode"], log));
    for line in [
        "GetVersion (DESFire)",
        "INS AF: additional frame (DESFire)",
        "91AF: additional frame, more follows\n",
        "SW1-SW2 9100: done",
    ] {
        assert!(told.contains(line), "{line:?} in\n{told}");
    }
    assert!(!told.contains("chain") && !told.contains("FETCH") && !told.contains("part of"), "{told}");
}

/// Two lines may be a command and its answer, or one string in two rows: their shape tells, or the program says that it does not.
#[test]
fn two_lines_are_a_conversation_where_nothing_speaks_against_it() {
    let told = text(&decode(&["decode"], "00A40400023F00\n9000\n"));
    assert!(
        told.contains("Commands: 1, answers: 1") && told.contains("Ambiguous: the lines may be the rows of one string"),
        "{told}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&text(&decode(&["--json", "decode"], "00A40400023F00\n9000\n"))).unwrap();
    assert!(json["ambiguous"].as_str().unwrap().contains("response APDU"), "{json}");
    // A blank line, a second line that is longer, or one with other spaces is no wrapped string.
    for log in ["00A40400023F00\n\n9000\n", "0084000008\n01020304050607089000\n", "00 A4 04 00 02 3F 00\n9000\n"] {
        let told = text(&decode(&["decode"], log));
        assert!(told.contains("Commands: 1, answers: 1") && !told.contains("Ambiguous"), "{told}");
    }
    // One whole command in two rows, the first of which is a command too and the second may be an answer.
    for rows in ["00D6000004\n01029000", "00A40400023F00,\n9000", "00A40400023F00\n  9000"] {
        assert!(!text(&decode(&["decode"], rows)).contains("Commands:"), "{rows}");
    }
}
