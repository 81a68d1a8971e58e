//! What a script gets: every state of the money against everything else that can go wrong, as real processes. The table itself, cell by
//! cell, is tested in `src/app/exit.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::fs::{File, OpenOptions};
use std::process::{Command, Stdio};

use support::kills::Held;
use support::untorn::{Desk, ran};
use untorn::app::Exit;

/// What an output can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    /// Somebody reads.
    Read,
    /// A pipe whose other end is closed.
    ClosedPipe,
    /// `/dev/full`: a disk with no room.
    Full,
    /// Open for reading only.
    ReadOnly,
    /// Closed before the start.
    Closed,
}

const OUTPUTS: [Output; 5] = [Output::Read, Output::ClosedPipe, Output::Full, Output::ReadOnly, Output::Closed];

impl Output {
    fn stdio(self) -> Stdio {
        match self {
            Self::Read | Self::Closed => Stdio::null(),
            Self::ClosedPipe => {
                let (reader, writer) = std::io::pipe().unwrap();
                drop(reader);
                writer.into()
            }
            Self::Full => OpenOptions::new().write(true).open("/dev/full").unwrap().into(),
            Self::ReadOnly => File::open("/dev/null").unwrap().into(),
        }
    }
}

/// The exit code of this command line with these outputs. A shell closes what is to be closed.
fn code(desk: &Desk, arguments: &[&str], stdout: Output, stderr: Output) -> Option<i32> {
    let plain = desk.command(arguments);
    let mut command = if stdout == Output::Closed || stderr == Output::Closed {
        let close = |number, output| if output == Output::Closed { format!(" {number}>&-") } else { String::new() };
        let script = format!("exec \"$@\"{}{}", close(1, stdout), close(2, stderr));
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, "sh"]).arg(plain.get_program()).args(plain.get_args());
        shell.env_clear().current_dir(desk.path()).stdin(Stdio::null());
        shell
    } else {
        plain
    };
    command.stdout(stdout.stdio()).stderr(stderr.stdio()).status().unwrap().code()
}

/// Desks with a card of 17,080 JPY, in each state that the money can come to, and what brings it there.
struct Row {
    what: &'static str,
    arguments: &'static [&'static str],
    /// Where the result is read, where its pipe is closed, where it is lost.
    codes: [i32; 3],
    /// What the card holds afterwards.
    balance: i64,
    /// An order is open before.
    held_up: bool,
}

const ROWS: [Row; 14] = [
    Row { what: "a sale", arguments: &["pay", "100"], codes: [0, 2, 2], balance: 16_980, held_up: false },
    Row {
        what: "a sale as JSON",
        arguments: &["--json", "pay", "100"],
        codes: [0, 2, 2],
        balance: 16_980,
        held_up: false,
    },
    Row { what: "a top-up", arguments: &["topup", "100"], codes: [0, 2, 2], balance: 17_180, held_up: false },
    Row {
        what: "a torn sale, settled",
        arguments: &["pay", "100", "--tear", "3"],
        codes: [0, 2, 2],
        balance: 16_980,
        held_up: false,
    },
    Row {
        what: "a torn sale, unresolved",
        arguments: &["pay", "100", "--tear", "3", "--no-retouch"],
        codes: [2; 3],
        balance: 16_980,
        held_up: false,
    },
    Row {
        what: "a sale whose trace cannot be written",
        arguments: &["--trace", "/dev/full", "pay", "100"],
        codes: [0, 2, 2],
        balance: 16_980,
        held_up: false,
    },
    Row {
        what: "too little on the card",
        arguments: &["pay", "20000", "--pin-file", "pin"],
        codes: [1; 3],
        balance: 17_080,
        held_up: false,
    },
    Row { what: "no PIN", arguments: &["pay", "10001"], codes: [1; 3], balance: 17_080, held_up: false },
    Row {
        what: "no PIN file",
        arguments: &["pay", "10001", "--pin-file", "none"],
        codes: [3; 3],
        balance: 17_080,
        held_up: false,
    },
    Row { what: "no amount", arguments: &["pay", "0"], codes: [3; 3], balance: 17_080, held_up: false },
    Row {
        what: "no card",
        arguments: &["pay", "1", "--tear", "1", "--no-retouch"],
        codes: [4; 3],
        balance: 17_080,
        held_up: false,
    },
    Row { what: "an older order is open", arguments: &["pay", "1"], codes: [5; 3], balance: 17_080, held_up: true },
    Row { what: "what became of it", arguments: &["resolve"], codes: [0, 2, 2], balance: 17_080, held_up: true },
    Row { what: "an enquiry", arguments: &["balance"], codes: [0, 0, 2], balance: 17_080, held_up: false },
];

/// A desk whose terminal was killed when its order was written down and not sent.
fn held_up() -> Desk {
    let torn = (0..100).find_map(|number| {
        let desk = Desk::new(&[]);
        desk.run_until(&format!("action:{number}"), &["pay", "1250"]);
        (desk.run(&["pay", "1"]).code == Some(5)).then_some(desk)
    });
    let torn = torn.expect("there is such an action");
    assert_eq!(Held::by(&torn).balance, 17_080);
    torn
}

#[test]
fn each_state_of_the_money_against_each_output() {
    let (fresh, held_up) = (Desk::new(&[]), held_up());
    fresh.run(&["balance"]).ended(0);
    for desk in [&fresh, &held_up] {
        std::fs::write(desk.path().join("pin"), "1234\n").unwrap();
    }
    for row in &ROWS {
        for stdout in OUTPUTS {
            for stderr in OUTPUTS {
                let desk = if row.held_up { held_up.copy() } else { fresh.copy() };
                let [told, nobody_reads, lost] = row.codes;
                let expected = match stdout {
                    // What is closed from the start is opened as /dev/null by the runtime: it takes all that is written.
                    Output::Read | Output::Closed => told,
                    Output::ClosedPipe => nobody_reads,
                    Output::Full | Output::ReadOnly => lost,
                };
                let got = code(&desk, row.arguments, stdout, stderr);
                assert_eq!(got, Some(expected), "{}: stdout {stdout:?}, stderr {stderr:?}", row.what);
                assert_eq!(Held::by(&desk).balance, row.balance, "{}", row.what);
                if let Some(3 | 4 | 1 | 5) = got {
                    assert_eq!(row.balance, 17_080, "{}: value moved", row.what);
                }
            }
        }
    }
}

/// What has nothing to do with money: a closed pipe is a reader who has seen enough, a full disk a result that is lost.
#[test]
fn what_only_tells_is_the_same_for_all() {
    let desk = Desk::new(&[]);
    desk.run(&["pay", "100"]).ended(0);
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["pay", "--help"],
        &["help", "pay"],
        &["decode", "9000"],
        &["completions", "bash"],
        &["journal", "list"],
        &["journal", "export"],
        &["journal", "verify"],
        &["--json", "history"],
        &["card", "info"],
        &["readers"],
        &["demo"],
        &["test", "ISO-CLA-*"],
        &["mutants", "--list"],
    ] {
        for (stdout, expected) in OUTPUTS.into_iter().zip([0, 0, 2, 2, 0]) {
            let got = code(&desk, arguments, stdout, Output::Read);
            assert_eq!(got, Some(expected), "{arguments:?}: stdout {stdout:?}");
        }
    }
    for stdout in OUTPUTS {
        assert_eq!(code(&desk, &["pay"], stdout, Output::Full), Some(3), "a wrong command line, {stdout:?}");
        assert_eq!(code(&desk, &["journal", "show", "99"], stdout, Output::Closed), Some(3), "{stdout:?}");
    }
}

/// A journal that fails: before the order nothing was sent, and that is said; after it whether it moved is not known.
#[test]
fn a_journal_that_cannot_grow_leaves_nothing_in_doubt_or_says_what_is() {
    // The size from which on no file of the process may grow, in steps of a database page.
    let mut seen = std::collections::BTreeSet::new();
    let base = Desk::new(&[]);
    base.run(&["pay", "1"]).ended(0);
    for blocks in 0..80 {
        let desk = base.copy();
        let before = Held::by(&desk).balance;
        let plain = desk.command(&["pay", "100"]);
        let mut shell = Command::new("sh");
        let script = format!("ulimit -f {blocks}; exec \"$@\"");
        shell.args(["-c", &script, "sh"]).arg(plain.get_program()).args(plain.get_args());
        shell.env_clear().current_dir(desk.path()).stdin(Stdio::null());
        let ended = ran(&mut shell);
        let moved = before - Held::by(&desk).balance;
        let code = ended.code.unwrap_or(-1);
        seen.insert(code);
        match code {
            0 => assert_eq!(moved, 100, "{blocks} blocks: {ended:?}"),
            2 => {}
            1 | 3 | 4 => assert_eq!(moved, 0, "{blocks} blocks: {ended:?}"),
            _ => panic!("{blocks} blocks: {ended:?}"),
        }
    }
    assert!(seen.contains(&0) && seen.contains(&1), "{seen:?}");
}

/// A tear is refused before anything is sent where the order would move value without it; each that can come about does.
#[test]
fn a_tear_that_cannot_come_about_is_refused_before_anything_is_sent() {
    let roles = ["select", "authenticate", "verify", "value", "acknowledge"];
    for (suite, amount, commands) in [
        ("epc1", "100", ["1", "2", "", "3", "4"]),
        ("epc2", "100", ["1", "2", "", "3", "4"]),
        ("epc2", "10001", ["1", "2", "3", "4", "5"]),
    ] {
        let base = Desk::new(&["--suite", suite, "--pin-file", "pin"]);
        std::fs::write(base.path().join("pin"), "1234\n").unwrap();
        base.run(&["balance"]).ended(0);
        let numbers = (1..12).map(|number: u32| number.to_string());
        let all: Vec<String> =
            roles.iter().map(ToString::to_string).chain(numbers).chain(["99".into(), u64::MAX.to_string()]).collect();
        for at in all {
            for when in ["before", "after", "mid"] {
                let desk = base.copy();
                let tear = format!("{at}:{when}");
                let exists = commands.contains(&at.as_str())
                    || roles.iter().position(|role| *role == at).is_some_and(|index| !commands[index].is_empty());
                let before = Held::by(&desk).balance;
                let ended = desk.run(&["--json", "pay", amount, "--tear", &tear]);
                let moved = before - Held::by(&desk).balance;
                if exists {
                    let paid = ended.ended(0).json();
                    assert_eq!(
                        (&paid["result"], &paid["torn"]),
                        (&"paid".into(), &true.into()),
                        "{suite} {amount} {tear}"
                    );
                    assert_eq!(moved.to_string(), amount, "{suite} {tear}: once");
                } else {
                    let refused = ended.ended(3);
                    assert!(refused.stderr.contains("nothing was sent"), "{suite} {amount} {tear}: {refused:?}");
                    assert_eq!(moved, 0, "{suite} {amount} {tear}");
                    assert_eq!(desk.json(0, &["journal", "list"])["orders"].as_array().unwrap().len(), 0);
                }
            }
        }
    }
}

/// "The third command" is the one that moves value only where there is no PIN and nothing to be resolved; "value" always is.
#[test]
fn value_is_the_command_that_moves_value() {
    for (suite, amount) in [("epc1", "100"), ("epc1", "10001"), ("epc2", "100"), ("epc2", "10001")] {
        let desk = Desk::new(&["--suite", suite, "--pin-file", "pin"]);
        std::fs::write(desk.path().join("pin"), "1234\n").unwrap();
        for (when, happened) in [("after", true), ("mid", true), ("before", false)] {
            let before = Held::by(&desk).balance;
            let tear = format!("value:{when}");
            desk.run(&["pay", amount, "--tear", &tear, "--no-retouch"]).ended(2);
            assert_eq!(Held::by(&desk).balance != before, happened, "{suite} {amount} {tear}");
            let verdict = desk.json(0, &["resolve"])["settled"][0]["verdict"].clone();
            assert_eq!(verdict, if happened { "paid" } else { "not-paid" }, "{suite} {amount} {tear}");
            if happened {
                // What was taken comes back, torn too.
                desk.run(&["refund", "--tear", "value:before"]).ended(0);
            }
        }
    }
}

/// What cannot be known beforehand moves no money silently: an order that is refused is refused, and says that it was not torn.
#[test]
fn an_order_that_is_refused_is_not_torn() {
    let desk = Desk::new(&[]);
    std::fs::write(desk.path().join("pin"), "1234\n").unwrap();
    for tear in ["value", "verify", "3", "99"] {
        let refused = desk.json(1, &["pay", "99999", "--pin-file", "pin", "--tear", tear]);
        assert_eq!((&refused["result"], &refused["torn"]), (&"refused".into(), &false.into()), "{tear}");
    }
    // The person, or the file, gives a wrong PIN: the value is never sent.
    std::fs::write(desk.path().join("wrong"), "9999\n").unwrap();
    let cancelled = desk.json(1, &["pay", "10001", "--pin-file", "wrong", "--tear", "value"]);
    assert_eq!((&cancelled["reason"], &cancelled["torn"]), (&"wrong-pin".into(), &false.into()));
    assert_eq!(Held::by(&desk).balance, 17_080);
}

/// The numbers at the beginning of what stands between semicolons, or in the first cell of a row.
fn codes_in(text: &str) -> Vec<i32> {
    let parts = text.split([';', '\n', '|']).map(|part| part.trim().trim_start_matches("Exit codes: "));
    let numbers = |part: &str| {
        let first = part.split_once("  ").map_or(part, |(numbers, _)| numbers);
        let first = first.split(|c: char| c.is_ascii_alphabetic()).next().unwrap_or_default();
        first.split(',').filter_map(|number| number.trim().parse().ok()).collect::<Vec<i32>>()
    };
    parts.flat_map(numbers).collect()
}

/// Whoever writes a script finds every code wherever he looks, and no code that there is not.
#[test]
fn help_readme_and_specification_list_the_codes_of_the_table() {
    let all: Vec<i32> = Exit::ALL.iter().map(|exit| *exit as i32).collect();
    let desk = Desk::new(&[]);
    let help = desk.run(&["--help"]).ended(0).stdout;
    let (_, listed) = help.split_once("Exit codes:\n").expect("they are listed");
    assert_eq!(codes_in(listed), all);
    let readme = include_str!("../README.md");
    let (_, table) = readme.split_once("| exit code | |\n|---|---|\n").expect("there is a table");
    let (table, _) = table.split_once("\n\n").expect("the table ends");
    assert_eq!(codes_in(table), all, "README.md");
    let json = include_str!("../specs/json.md");
    let (_, row) = json.split_once("| `exit` | the exit code: ").expect("there is a row");
    let (row, _) = row.split_once(" |\n").expect("the row ends");
    assert_eq!(codes_in(row), all, "specs/json.md");
    for command in ["test", "mutants", "explore", "report"] {
        let help = desk.run(&[command, "--help"]).ended(0).stdout;
        let (_, listed) = help.split_once("Exit codes").expect("they are listed");
        let (_, listed) = listed.split_once(": ").expect("after a colon");
        let codes = codes_in(listed.split_once("\n\n").map_or(listed, |(listed, _)| listed));
        assert!(
            codes.starts_with(&[0, 1, 2, 3]) && codes.iter().all(|code| all.contains(code)),
            "{command}: {codes:?}"
        );
    }
}

/// Whatever the command, and whatever its own code: a result that is lost is told on the other output, with the reason.
#[test]
fn a_result_that_is_lost_is_told() {
    let desk = Desk::new(&[]);
    desk.run(&["pay", "100", "--tear", "value", "--no-retouch"]).ended(2);
    for arguments in [
        &["--help"][..],
        &["pay", "--help"],
        &["--version"],
        &["journal", "list"],
        &["journal", "export"],
        &["decode", "9000"],
        &["completions", "bash"],
        &["resolve"],
        &["history"],
        &["pay", "999999"],
        &["test", "ISO-CLA-*"],
        &["test", "ISO-CLA-*", "--mutant", "unknown-class-as-interindustry"],
    ] {
        let mut command = desk.command(arguments);
        let told = command.stdout(Output::Full.stdio()).stderr(Stdio::piped()).output().unwrap().stderr;
        let told = String::from_utf8(told).unwrap();
        assert!(told.contains("cannot write the output: the disk is full"), "{arguments:?}: {told:?}");
    }
}
