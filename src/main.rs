//! The command line of untorn.

use std::process::ExitCode;

fn main() -> ExitCode {
    untorn::cli::main()
}
