//! How long a person waits for the program itself: `--version` does nothing, `decode` one listing, `balance` opens journal
//! and card and authenticates.

use std::process::{Command, Stdio};

use criterion::{Criterion, criterion_group, criterion_main};

fn run(command: &mut Command) {
    let ended = command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(ended.is_ok_and(|status| status.success()), "{command:?} did not succeed");
}

fn startup(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary directory: {error}"));
    let untorn = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_untorn"));
        command.current_dir(folder.path()).args(["--journal", "journal.db", "--state", "card.state"]);
        command
    };
    let mut group = criterion.benchmark_group("startup");
    for arguments in [&["--version"][..], &["decode", "6F048402315080"], &["balance"]] {
        group.bench_function(arguments[0], |bencher| bencher.iter(|| run(untorn().args(arguments))));
    }
    group.finish();
}

criterion_group!(benches, startup);
criterion_main!(benches);
