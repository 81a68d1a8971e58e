//! Every place for a file on the command line, by the command line's own list.

use clap::ValueHint;

/// A place for a file on the command line.
#[derive(Debug, Clone)]
pub struct Place {
    pub path: Vec<String>,
    /// `None` for an argument without a name.
    pub option: Option<String>,
}

/// All of them.
pub fn all() -> Vec<Place> {
    let mut found = Vec::new();
    places(&untorn::cli::command(), &[], &mut found);
    found
}

/// All of them below this command.
fn places(command: &clap::Command, path: &[String], found: &mut Vec<Place>) {
    for inner in command.get_subcommands() {
        let path = [path, &[inner.get_name().to_owned()]].concat();
        for argument in inner.get_arguments().filter(|argument| argument.get_value_hint() == ValueHint::AnyPath) {
            found.push(Place { path: path.clone(), option: argument.get_long().map(|long| format!("--{long}")) });
        }
        places(inner, &path, found);
    }
}

impl Place {
    /// What else the command needs to come to its files, and not to take long.
    pub fn others(&self) -> &'static [&'static str] {
        let words: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match (words[..].as_ref(), self.option.as_deref()) {
            (["pay" | "topup"], Some("--pin-file")) => &["12000", "--wait", "1"],
            (["pay" | "topup"], _) => &["5"],
            (["test"], Some("--terminal-statement")) => &["--reader", "none", "--serve", "127.0.0.1:1"],
            (["test"], _) => &["ISO-SEL-001"],
            (["mutants"], _) => &["debit-twice", "--list"],
            (["explore"], _) => &["--depth", "0"],
            (["card", "serve"], _) => &["--vpcd", "127.0.0.1:1"],
            (["journal", "show"], _) => &["1"],
            (["report", "merge"], None) => &["--out", "out"],
            (["report", "show" | "merge"], Some(_)) => &["none"],
            _ => &[],
        }
    }
}
