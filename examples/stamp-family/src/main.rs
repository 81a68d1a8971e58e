//! untorn with one more card family.

use std::process::ExitCode;

use stamp_family::Stamps;

fn main() -> ExitCode {
    let mut families = untorn::family::built_in();
    families.push(Box::new(Stamps));
    untorn::cli::main(families)
}
