//! The command line of untorn.

use std::process::ExitCode;

fn main() -> ExitCode {
    untorn::cli::main(untorn::family::built_in())
}
