//! Which of the options that may stand anywhere a command has a use for. The others are not listed in its help, and are refused rather
//! than ignored: who names a stop list or a time to wait relies on it.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, Error, FromArgMatches};

use super::arguments::Arguments;

/// What a terminal at work needs.
const TERMINAL: [&str; 13] = [
    "profile",
    "family",
    "set",
    "suite",
    "policy",
    "stop_list",
    "block_stopped",
    "grant",
    "terminal",
    "wait",
    "pin_file",
    "seed",
    "trace",
];
/// Where it works.
const PLACE: [&str; 4] = ["reader", "card", "state", "journal"];
/// Every command has it.
const JSON: &str = "json";

/// Whether the command at this path (`["card", "info"]`) has a use for the option with this id.
fn uses(path: &[String], id: &str) -> bool {
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    let any = |ids: &[&str]| ids.contains(&id);
    id == JSON
        || match words[..] {
            ["demo"] => any(&TERMINAL),
            ["readers" | "decode" | "completions" | "report", ..] => false,
            ["card", "bench"] => true,
            ["card", _] => any(&["profile", "family", "state", "journal", "seed"]),
            ["journal", ..] => any(&["journal", "policy", "seed"]),
            ["test"] => any(&["reader", "card", "journal", "profile", "family", "suite", "wait", "seed"]),
            ["explore"] => any(&["family", "set", "suite", "seed"]),
            ["mutants"] => any(&["seed"]),
            // Orders, enquiries and the terminal window.
            _ => any(&TERMINAL) || any(&PLACE),
        }
}

/// Reads the command line.
pub(super) fn parse(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Arguments, Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(arguments)?;
    check(&mut command, &matches)?;
    Arguments::from_arg_matches(&matches)
}

/// The words of the command line, each command with the options that it has a use for.
fn command() -> Command {
    let mut command = Arguments::command();
    let anywhere = anywhere(&command);
    // From here on each command has its own copy of the options that may stand anywhere.
    command.build();
    hide(&mut command, &anywhere, &mut Vec::new());
    command
}

/// Ids of the options that may stand anywhere.
fn anywhere(command: &Command) -> Vec<String> {
    command.get_arguments().filter(|option| option.is_global_set()).map(|option| option.get_id().to_string()).collect()
}

/// The same for a completion script: its writer lists hidden options too, so here they are not there.
pub(super) fn listed() -> Command {
    without_hidden(&command())
}

fn without_hidden(command: &Command) -> Command {
    let shown = command.get_arguments().filter(|option| !option.is_hide_set());
    Command::new(command.get_name().to_owned())
        .about(command.get_about().cloned().unwrap_or_default())
        .version(command.get_version().unwrap_or_default().to_owned())
        // Both are among the options already.
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(shown.map(|option| option.clone().global(false)))
        .subcommands(command.get_subcommands().map(without_hidden))
        .disable_help_subcommand(true)
}

fn hide(command: &mut Command, anywhere: &[String], path: &mut Vec<String>) {
    for inner in command.get_subcommands_mut() {
        path.push(inner.get_name().to_owned());
        // A group of commands lists what any of them has a use for.
        if !inner.has_subcommands() {
            *inner = std::mem::take(inner).mut_args(|option| {
                let id = option.get_id().to_string();
                let idle = anywhere.contains(&id) && !uses(path, &id);
                if idle { option.hide(true) } else { option }
            });
        }
        hide(inner, anywhere, path);
        path.pop();
    }
}

fn check(command: &mut Command, matches: &ArgMatches) -> Result<(), Error> {
    let (mut path, mut inner) = (Vec::new(), matches);
    while let Some((name, next)) = inner.subcommand() {
        path.push(name.to_owned());
        inner = next;
    }
    let said = |id: &String| inner.value_source(id) == Some(ValueSource::CommandLine);
    match anywhere(command).iter().find(|id| said(id) && !uses(&path, id)) {
        Some(id) => {
            let (flag, path) = (id.replace('_', "-"), path.join(" "));
            let text = format!("`untorn {path}` has no use for --{flag}; see untorn {path} --help\n");
            Err(Error::raw(ErrorKind::ArgumentConflict, text))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, Error> {
        parse(line.split(' ').map(Into::into))
    }

    #[test]
    fn an_option_without_use_is_refused_wherever_it_stands() {
        for line in [
            "untorn test --stop-list x",
            "untorn --trace x test",
            "untorn decode 9000 --seed 1",
            "untorn --reader x report show y",
            "untorn card info --wait 3",
            "untorn explore --profile euro",
        ] {
            let error = parsed(line).unwrap_err().to_string();
            assert!(error.contains("has no use for --"), "{line}: {error}");
        }
        for line in
            ["untorn --seed 1", "untorn test --wait 3 --json", "untorn --suite epc1 explore", "untorn --wait 3 pay 1"]
        {
            assert!(parsed(line).is_ok(), "{line}");
        }
    }

    #[test]
    fn the_help_of_a_command_lists_what_it_has_a_use_for() {
        for (line, listed) in [
            ("untorn decode --help", false),
            ("untorn report show --help", false),
            ("untorn test --help", true),
            ("untorn pay --help", true),
        ] {
            let help = parsed(line).unwrap_err().to_string();
            assert!(help.contains("--json") && help.contains("--reader") == listed, "{line}: {help}");
            assert_eq!(help.contains("--stop-list"), line.contains("pay"), "{line}");
        }
    }

    #[test]
    fn a_completion_offers_what_the_command_has_a_use_for() {
        let mut script = Vec::new();
        clap_complete::generate(clap_complete::Shell::Bash, &mut listed(), "untorn", &mut script);
        let script = String::from_utf8(script).unwrap();
        let options = |path: &str| {
            let (_, rest) = script.split_once(&format!("        {path})\n            opts=\"")).unwrap();
            rest.split_once('"').unwrap().0.split(' ').map(str::to_owned).collect::<Vec<_>>()
        };
        let offers = |path: &str, option: &str| options(path).iter().any(|offered| offered == option);
        for path in ["untorn", "untorn__subcmd__pay"] {
            assert!(offers(path, "--stop-list") && offers(path, "--help"), "{path}: {:?}", options(path));
        }
        for path in ["untorn__subcmd__decode", "untorn__subcmd__report__subcmd__show"] {
            assert!(!offers(path, "--stop-list") && offers(path, "--json"), "{path}: {:?}", options(path));
        }
        assert!(offers("untorn", "--version") && options("untorn").contains(&"mutants".to_owned()));
    }

    /// A misspelt id would refuse an option everywhere.
    #[test]
    fn every_option_has_a_command() {
        let mut command = Arguments::command();
        let known = anywhere(&command);
        command.build();
        assert!(TERMINAL.iter().chain(&PLACE).chain([&JSON]).all(|id| known.iter().any(|known| known == id)));
        assert_eq!(known.len(), TERMINAL.len() + PLACE.len() + 1);
    }
}
