//! Where the PIN comes from: a file, the standard input, or a person whose keys are not shown. Never the command line, which
//! other users of the machine can read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use zeroize::Zeroizing;

use super::tell;
use crate::secret::Pin;
use crate::tui::hidden::hidden_digits;

/// Longest PIN.
const DIGITS_MAX: usize = 12;

/// Asks for the PIN; `tries_left` after a wrong one. `None`, with a reason on the standard error, when there is none.
///
/// A raised `stop` ends the typing.
pub(super) fn ask(file: Option<&PathBuf>, tries_left: Option<u8>, stop: &AtomicBool) -> Option<Pin> {
    let typed = match file {
        // The same wrong PIN again would only use up the tries.
        Some(_) if tries_left.is_some() => {
            tell("The PIN in the file is wrong; it is not tried again.");
            return None;
        }
        Some(path) => read_file(path).map_err(|error| format!("cannot read the PIN from {}: {error}", path.display())),
        None if io::stdin().is_terminal() => {
            prompt(tries_left, stop).map_err(|error| format!("cannot read the PIN: {error}"))
        }
        None => Err("the PIN is needed, and there is no terminal to ask at: use --pin-file".to_owned()),
    };
    match typed {
        Ok(Some(typed)) => Pin::parse(&typed).map_err(|error| tell(&format!("{error}"))).ok(),
        Ok(None) => None,
        Err(reason) => {
            tell(&reason);
            None
        }
    }
}

/// The first line, of a bounded length: whatever the file is, it is not read to its end.
fn read_file(path: &PathBuf) -> io::Result<Option<Zeroizing<String>>> {
    use io::Read;
    let file: Box<dyn io::Read> =
        if path.as_os_str() == "-" { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let mut line = Zeroizing::new(String::with_capacity(64));
    BufReader::with_capacity(64, file.take(64)).read_line(&mut line)?;
    Ok(Some(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned())))
}

fn prompt(tries_left: Option<u8>, stop: &AtomicBool) -> io::Result<Option<Zeroizing<String>>> {
    if let Some(left) = tries_left {
        tell(&format!("Wrong PIN, {left} left."));
    }
    write!(io::stderr(), "PIN (not shown; Esc for none): ")?;
    io::stderr().flush()?;
    let typed = hidden_digits(DIGITS_MAX, stop);
    tell("");
    typed
}

#[cfg(test)]
mod tests {
    use super::*;

    static STOP: AtomicBool = AtomicBool::new(false);

    #[test]
    fn a_file_gives_its_first_line_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        std::fs::write(&path, "1234\r\nmore").unwrap();
        assert!(ask(Some(&path), None, &STOP) == Pin::parse("1234").ok());
        assert!(ask(Some(&path), Some(2), &STOP).is_none(), "a wrong one is not tried again");
        std::fs::write(&path, "12a4\n").unwrap();
        assert!(ask(Some(&path), None, &STOP).is_none());
        assert!(ask(Some(&folder.path().join("none")), None, &STOP).is_none());
    }
}
