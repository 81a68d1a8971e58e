//! untorn with one more card family.

use std::process::ExitCode;

use stamp_family::Stamps;

fn main() -> ExitCode {
    if let Err(error) = untorn::family::add(vec![Box::new(Stamps)]) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    untorn::cli::main()
}
