//! The real binary, at a desk of its own: journal and card lie in a directory that is gone afterwards.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What a run of the binary left.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The JSON object that it printed.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The same run, which must have ended with this code.
    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

/// Commands that work without a terminal's journal and card.
const WORDS: [&str; 10] =
    ["demo", "readers", "decode", "completions", "report", "card", "journal", "test", "explore", "mutants"];

/// A terminal, its journal and its card.
pub struct Desk {
    directory: TempDir,
    /// Flags of every run, such as the reader.
    pub flags: Vec<String>,
}

impl Desk {
    pub fn new(flags: &[&str]) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), flags: flags.iter().map(ToString::to_string).collect() }
    }

    /// The same desk again: a copy of all its files, as they are.
    pub fn copy(&self) -> Self {
        let copy = Self { directory: tempfile::tempdir().unwrap(), flags: self.flags.clone() };
        for file in std::fs::read_dir(self.directory.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.directory.path().join(file.file_name())).unwrap();
        }
        copy
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn journal(&self) -> PathBuf {
        self.path().join("journal.db")
    }

    pub fn state(&self) -> PathBuf {
        self.path().join("card.state")
    }

    /// A command that is to run at this desk.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_untorn"));
        command.env_clear().env("LANG", "C.UTF-8").current_dir(self.path()).stdin(Stdio::null());
        // Where the command has a use for them.
        let words: Vec<&str> = arguments.iter().copied().filter(|word| WORDS.contains(word)).collect();
        if matches!(words.first(), None | Some(&"journal" | &"card")) {
            command.arg("--journal").arg(self.journal());
        }
        if matches!(words.first(), None | Some(&"card")) {
            command.arg("--state").arg(self.state());
        }
        // A journal and a card's memory are looked into without reader and scheme.
        if words.first() != Some(&"journal") {
            command.args(&self.flags);
        }
        command.args(arguments);
        command
    }

    /// Runs it.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(arguments))
    }

    /// Runs it with its results as JSON; it must end with this code.
    #[track_caller]
    pub fn json(&self, code: i32, arguments: &[&str]) -> Value {
        let mut with_json = vec!["--json"];
        with_json.extend_from_slice(arguments);
        let ran = self.run(&with_json).ended(code);
        let object = ran.json();
        assert_eq!(object["exit"], code, "the object tells the exit code: {object}");
        object
    }

    /// Runs it as somebody who may read the desk's files and write none.
    pub fn run_as_reader(&self, arguments: &[&str]) -> Ran {
        use std::os::unix::process::CommandExt;
        let allow = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        // Where the build lies may be closed to others. A child copies it: while we wrote it ourselves, a program that another thread starts
        // would have it open for writing too, until its exec, and what is open for writing cannot be executed (ETXTBSY).
        let program = self.path().join("untorn");
        if !program.exists() {
            let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_untorn")).arg(&program).status().unwrap();
            assert!(copied.success());
        }
        for file in std::fs::read_dir(self.path()).unwrap().map(|file| file.unwrap().path()) {
            allow(&file, if file == program { 0o555 } else { 0o444 });
        }
        allow(self.path(), 0o555);
        let mut command = Command::new(&program);
        command.current_dir(self.path()).arg("--journal").arg(self.journal()).args(arguments);
        if rustix::process::geteuid().is_root() {
            // Root may write anywhere.
            command.uid(65534).gid(65534);
        }
        let ran = ran(&mut command);
        allow(self.path(), 0o755);
        ran
    }

    /// The id of the card that lies here; it is made where there is none.
    #[track_caller]
    pub fn card(&self) -> String {
        self.json(0, &["card", "info"])["card"].as_str().unwrap().to_owned()
    }

    /// Runs it until it kills itself at this point (see src/app/kill.rs); or to its end, where the point does not come.
    pub fn run_until(&self, point: &str, arguments: &[&str]) -> Ran {
        ran(self.command(arguments).env("UNTORN_KILL_AT", point))
    }
}

pub fn ran(command: &mut Command) -> Ran {
    use std::os::unix::process::ExitStatusExt;
    let output = command.output().unwrap();
    Ran {
        code: output.status.code(),
        signal: output.status.signal(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
