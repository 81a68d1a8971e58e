//! untorn with two more card families.

use std::process::ExitCode;

use stamp_family::Stamps;
use stamp_family::badge::Badges;

fn main() -> ExitCode {
    let mut families = untorn::family::built_in();
    families.push(Box::new(Stamps));
    families.push(Box::new(Badges));
    untorn::cli::main(families)
}
