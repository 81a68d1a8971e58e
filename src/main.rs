//! The command line of untorn.

fn main() {}
