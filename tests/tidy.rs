//! Who may import whom (CONTRIBUTING.md, "The layers"), and the sizes that keep files readable. Rules that no test holds rot.

#![allow(clippy::unwrap_used, reason = "a source file that cannot be read should stop the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// In files whose path starts with one of `within`, none of `words` may stand in code; `*` is any one folder.
struct Rule {
    within: &'static [&'static str],
    except: &'static [&'static str],
    words: &'static [&'static str],
    why: &'static str,
}

const PURE: &[&str] =
    &["src/wire", "src/crypto", "src/card", "src/terminal", "src/family", "src/suite", "src/conformance"];

const RULES: &[Rule] = &[
    Rule {
        within: &["src/card/"],
        except: &[],
        words: &["crate::terminal", "crate::journal", "crate::session", "crate::reader", "crate::family"],
        why: "the card engine knows no terminal, no reader and no family",
    },
    Rule {
        within: &["src/terminal/"],
        except: &[],
        words: &["crate::card", "crate::family", "crate::session"],
        why: "the terminal engine knows no card and no family",
    },
    Rule {
        within: &["src/family/*/card/"],
        except: &[],
        words: &["kernel", "crate::terminal", "crate::journal", "crate::reader"],
        why: "the card side never sees the terminal side: one misreading would pass on both",
    },
    Rule {
        within: &["src/family/*/kernel/"],
        except: &[],
        words: &["super::card", "::card::", "crate::card", "crate::reader"],
        why: "the terminal side never sees the card side: one misreading would pass on both",
    },
    Rule {
        within: &["src/family/*/data/", "src/family/*/keys/"],
        except: &[],
        words: &["::card", "::kernel", "crate::terminal", "crate::journal"],
        why: "what both sides share knows neither",
    },
    Rule {
        within: &["src/family/*/cases/model/reference"],
        except: &[],
        words: &["::card", "kernel", "crate::conformance"],
        why: "the model decides everything for itself: what it shared with the card would be wrong in both",
    },
    Rule {
        within: &["src/conformance/", "src/suite/"],
        except: &[],
        words: &["crate::family", "crate::app", "crate::reader::pcsc", "crate::reader::vpcd"],
        why: "the suite's engine knows no family and no binding",
    },
    Rule {
        within: &["src/suite/", "src/family/*/cases/"],
        except: &[],
        words: &["super::card", "super::kernel", "::kernel::", "in_process", "crate::card::chip"],
        why: "a case sees a tester: neither which card nor which reader it is",
    },
    Rule {
        within: PURE,
        except: &[],
        words: &[
            "SystemTime",
            "Instant::now",
            "std::thread",
            "std::fs",
            "std::net",
            "std::process",
            "println!",
            "print!",
            "SystemEntropy",
            "getrandom",
        ],
        why: "time, randomness, files and threads are arguments, so that one seed replays everything",
    },
    Rule { within: &["src/"], except: &["src/tui"], words: &["ratatui", "crossterm"], why: "only the screen draws" },
    Rule {
        within: &["src/"],
        except: &["src/tui", "src/cli", "src/main.rs", "src/lib.rs"],
        words: &["crate::tui", "crate::cli", "untorn::tui"],
        why: "nobody imports the outermost layer",
    },
    Rule {
        within: &["src/"],
        except: &["src/reader/pcsc.rs", "src/reader/pcsc_watch.rs"],
        words: &["pcsc::Context", "use pcsc", "::pcsc::ffi"],
        why: "PC/SC is talked to in one place",
    },
    Rule {
        within: &["src/"],
        except: &["src/reader/vpcd.rs"],
        words: &["TcpStream", "TcpListener", "UdpSocket"],
        why: "sockets belong to the links",
    },
];

/// Longest function in lines, and longest file, tests included.
const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 800;

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Code without comments and without the tests at the foot.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let body = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(&text).to_owned();
    let line = |(index, line): (usize, &str)| (index + 1, line.split("//").next().unwrap_or("").to_owned());
    body.lines().enumerate().map(line).collect()
}

/// Whether a path starts so; `*` is any one folder.
fn lies_within(path: &str, prefix: &str) -> bool {
    let Some((before, after)) = prefix.split_once("*/") else { return path.starts_with(prefix) };
    let folder_and_rest = path.strip_prefix(before).and_then(|rest| rest.split_once('/'));
    folder_and_rest.is_some_and(|(_, rest)| rest.starts_with(after))
}

#[test]
fn a_rule_for_families_holds_for_one_that_nobody_listed() {
    assert!(lies_within("src/family/ticket/card/mod.rs", "src/family/*/card/"));
    assert!(lies_within("src/family/ticket/cases/model/reference.rs", "src/family/*/cases/model/reference"));
    assert!(!lies_within("src/family/ticket/kernel/card/mod.rs", "src/family/*/card/"));
    assert!(!lies_within("src/family/card/mod.rs", "src/family/*/card/"));
    assert!(lies_within("src/card/memory.rs", "src/card/") && !lies_within("src/app.rs", "src/card/"));
}

#[test]
fn layers_import_only_what_they_may() {
    let mut broken = Vec::new();
    for path in sources("src") {
        let name = path.to_string_lossy().replace('\\', "/");
        for rule in RULES {
            let applies = rule.within.iter().any(|prefix| lies_within(&name, prefix))
                && !rule.except.iter().any(|prefix| lies_within(&name, prefix));
            if !applies {
                continue;
            }
            for (number, line) in code(&path) {
                for word in rule.words.iter().filter(|word| line.contains(*word)) {
                    broken.push(format!("{name}:{number}: {word:?}: {}", rule.why));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Who decides about money reads nothing of deliberate defects: those are built around it (CONTRIBUTING.md, "Deliberate defects").
fn is_money_path(name: &str) -> bool {
    let engine = ["src/terminal/", "src/journal/", "src/session.rs"].iter().any(|prefix| name.starts_with(prefix));
    let of_family = name.starts_with("src/family/") && (name.contains("/kernel/") || name.contains("/card/"));
    let of_defects = name.contains("/defect/") || name.contains("/mutants/") || name.ends_with("defect.rs");
    (engine || of_family || name.starts_with("src/card/")) && !of_defects
}

/// Lines that name a deliberate defect, in code or comment.
fn named_defects(text: &str) -> Vec<usize> {
    let lists = |line: &str| line.starts_with("pub mod ") && line.ends_with("defect;");
    let words = ["defect", "mutant", "sabotage"];
    let names = |line: &str| !lists(line) && words.iter().any(|word| line.to_lowercase().contains(word));
    text.lines().enumerate().filter(|(_, line)| names(line)).map(|(index, _)| index + 1).collect()
}

#[test]
fn the_money_path_knows_no_deliberate_defect() {
    assert_eq!(named_defects("if self.has(TerminalDefect::TimeOut) {\n}\n// a Mutant\nlet sabotaged = 1;"), [1, 3, 4]);
    let mut found = Vec::new();
    let mut looked_at = 0;
    for path in sources("src") {
        let name = path.to_string_lossy().replace('\\', "/");
        if is_money_path(&name) {
            looked_at += 1;
            let lines = named_defects(&fs::read_to_string(&path).unwrap());
            found.extend(lines.iter().map(|line| format!("{name}:{line}: names a deliberate defect")));
        }
    }
    assert!(looked_at >= 20, "only {looked_at} files were looked at: has a folder moved?");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Lines of a file that name a family which this file may not know: nobody outside a family's folder names it, in code or in words,
/// but the door that lists it; and a family names no other.
fn foreign_families(name: &str, text: &str, families: &[&str]) -> Vec<String> {
    let own = name.strip_prefix("src/family/").and_then(|rest| rest.split_once('/')).map(|(family, _)| family);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for family in families.iter().filter(|family| own != Some(**family)) {
            let lists_it = line == format!("pub mod {family};") || line.contains(&format!("Box::new({family}::"));
            let names_it = line.split(|c| !is_word(c)).any(|word| word.eq_ignore_ascii_case(family));
            if names_it && !(name == "src/family/mod.rs" && lists_it) {
                found.push(format!("{name}:{}: names family {family}: {}", index + 1, line.trim()));
            }
        }
    }
    found
}

#[test]
fn a_foreign_family_is_found_wherever_it_is_named() {
    let found = |name: &str, line: &str| !foreign_families(name, line, &["ticket", "token"]).is_empty();
    for file in
        ["src/journal/view.rs", "src/session.rs", "src/sim/tear.rs", "src/app.rs", "src/cli/cards.rs", "src/tui/app.rs"]
    {
        assert!(found(file, "use crate::family::ticket::data::CardId;"), "{file}");
        assert!(found(file, "use crate::family::{self, ticket};"), "{file}");
        assert!(found(file, "/// A ticket of the default profile."), "{file}: in words, too");
        assert!(!found(file, "use crate::family;"), "{file}: the door to all families is open");
        assert!(!found(file, "let tickets = Ticketing::all();"), "{file}: another word is no name");
    }
    assert!(found("src/family/token/card.rs", "use crate::family::ticket::data::CardId;"));
    assert!(found("src/family/token/deep/card.rs", "use super::super::ticket::data;"));
    assert!(!found("src/family/ticket/card.rs", "use crate::family::ticket::data;"));
    assert!(!found("src/family/mod.rs", "pub mod ticket;"), "the line that lists it");
    assert!(!found("src/family/mod.rs", "    vec![Box::new(ticket::Ticket)]"), "the line that makes it");
    assert!(found("src/family/mod.rs", "    ticket::kernel::FAMILY => {"), "and no other");
}

#[test]
fn nobody_outside_its_folder_names_a_family() {
    let folders = fs::read_dir("src/family").unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let families: Vec<String> = folders.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    let families: Vec<&str> = families.iter().map(String::as_str).collect();
    assert!(!families.is_empty());
    let of = |path: &PathBuf| {
        let name = path.to_string_lossy().replace('\\', "/");
        foreign_families(&name, &fs::read_to_string(path).unwrap(), &families)
    };
    // What a test shows of the built-in families in the window is what people see.
    let is_test = |path: &PathBuf| path.to_string_lossy().ends_with("tests.rs");
    let found: Vec<String> = sources("src").iter().filter(|path| !is_test(path)).flat_map(of).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Where `Debug` is printed, and why a person does not read it as it is.
const DEBUG_IS_READ: &[(&str, &str)] = &[("src/difference.rs", "turns it into plain words")];

/// `{:?}` shows a person names of types and variants. A word from outside is shown by `quoted`, a value by its `Display` or, where any
/// type may come, by `difference::plain`.
#[test]
fn nobody_reads_the_debug_form_of_a_value() {
    let mut found = Vec::new();
    for path in sources("src").into_iter().chain(sources("examples")) {
        let name = path.to_string_lossy().replace('\\', "/");
        let excepted = DEBUG_IS_READ.iter().any(|(path, _)| *path == name);
        if excepted || name.ends_with("tests.rs") || name.contains("/tests/") || name.contains("/target/") {
            continue;
        }
        let prints_debug = |line: &str| [":?}", ":#?}"].iter().any(|form| line.contains(form));
        found.extend(code(&path).iter().filter(|(_, line)| prints_debug(line)).map(|(number, line)| {
            format!("{name}:{number}: {}: say quoted(word), plain(&value) or Display", line.trim())
        }));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn files_and_functions_fit_their_screens() {
    let mut long = Vec::new();
    for path in sources("src").into_iter().chain(sources("tests")) {
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            long.push(format!("{}: {} lines, at most {FILE_LINES_MAX}", path.display(), lines.len()));
        }
        let mut start: Option<(usize, usize)> = None;
        for (index, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            if start.is_none() && begins_function(&lines[index..]) {
                start = Some((index, indent));
            }
            if let Some((first, indent)) = start
                && line.starts_with(&format!("{}}}", " ".repeat(indent)))
                && line.trim() == "}"
            {
                if index - first + 1 > FUNCTION_LINES_MAX {
                    long.push(format!("{}:{}: a function of {} lines", path.display(), first + 1, index - first + 1));
                }
                start = None;
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// Whether a function with a body starts here, not one of a trait without.
fn begins_function(lines: &[&str]) -> bool {
    let first = lines[0].trim_start();
    let named = first.starts_with("fn ") || first.contains(" fn ");
    let signature_ends = |line: &&&str| line.trim_end().ends_with(['{', ';']);
    named && !first.starts_with("//") && lines.iter().find(signature_ends).is_some_and(|line| line.ends_with('{'))
}

/// specs/*.toml with the requirements of a text; the list of exceptions and the kinds of cards are none.
fn catalogues() -> Vec<PathBuf> {
    let files = fs::read_dir("specs").unwrap().map(|entry| entry.unwrap().path());
    let is_toml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    let is_other = |path: &PathBuf| path.ends_with("exceptions.toml") || path.ends_with("kinds.toml");
    files.filter(|path| is_toml(path) && !is_other(path)).collect()
}

/// `REQ-...` of every heading bullet in a specification, and every id in its catalogue.
#[test]
fn each_specification_and_its_catalogue_hold_the_same_requirements() {
    for catalogue in catalogues() {
        let listed: toml::Table = fs::read_to_string(&catalogue).unwrap().parse().unwrap();
        let listed: Vec<(String, String)> = listed["requirement"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                let text = entry["text"].as_str().unwrap().to_owned();
                // Where a standard is restated, its document, edition and clause stand behind the text.
                let source =
                    entry.get("source").map_or(String::new(), |source| format!(" ({})", source.as_str().unwrap()));
                (entry["id"].as_str().unwrap().to_owned(), text + &source)
            })
            .collect();
        let text = fs::read_to_string(catalogue.with_extension("md")).unwrap();
        let written: Vec<(String, String)> = text
            .lines()
            .filter_map(|line| line.strip_prefix("- **REQ-")?.split_once("** "))
            .map(|(id, text)| (format!("REQ-{id}"), text.to_owned()))
            .collect();
        assert_eq!(listed, written, "{} and its text differ", catalogue.display());
        let ids: BTreeSet<&String> = listed.iter().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), listed.len(), "an id stands twice in {}", catalogue.display());
    }
}

/// Where code or a test names a requirement, it exists.
#[test]
fn every_requirement_that_is_named_exists() {
    let mut known = BTreeSet::new();
    for catalogue in catalogues() {
        let table: toml::Table = fs::read_to_string(&catalogue).unwrap().parse().unwrap();
        known.extend(
            table["requirement"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()),
        );
    }
    for path in sources("src").into_iter().chain(sources("tests")) {
        if path.ends_with("tidy.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for piece in text.split("REQ-").skip(1) {
            let id: String =
                piece.chars().take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '-').collect();
            let id = format!("REQ-{}", id.trim_end_matches('-'));
            assert!(known.contains(&id), "{} names {id}, which no specification has", path.display());
        }
    }
}

/// What untorn and the foreign card both depend on is built once only where they build it alike.
#[test]
fn the_foreign_card_builds_as_untorn_does() {
    let release = |manifest: &str| {
        let text = fs::read_to_string(manifest).unwrap();
        text.parse::<toml::Table>().unwrap()["profile"]["release"].clone()
    };
    assert_eq!(release("examples/openpgp-card/Cargo.toml"), release("Cargo.toml"));
}
