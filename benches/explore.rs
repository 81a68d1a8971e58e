//! Torn runs a second on one core, beside the least that such a run can cost: a copy of the card's image, and a comparison.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a bench that cannot go on should stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use untorn::family::families;
use untorn::sim::explore::trial_named;
use untorn::sim::tear::Setting;
use untorn::sim::torn_card::{TornCommand, Walk};

fn torn_runs(criterion: &mut Criterion) {
    let lab = families().iter().find_map(|family| family.lab()).unwrap();
    let setting = Setting::new(lab, lab.variants()[0], 0, None).unwrap();
    let recorded = setting.record(trial_named(lab, "sale").unwrap());
    let torn = |recorded| TornCommand::new(lab, setting.select(), recorded);
    let command = recorded.iter().find_map(torn).unwrap();
    let never = || false;
    let mut group = criterion.benchmark_group("explore");
    for (name, write, depth) in [("one tear", 0, 1), ("two tears", 2, 2)] {
        let runs = |write, depth| {
            let mut walk = Walk::new(&command, 0, &never);
            assert!(walk.all(write, depth).unwrap());
            walk.runs
        };
        group.throughput(Throughput::Elements(runs(write, depth)));
        group.bench_function(format!("torn runs, {name}"), |bencher| bencher.iter(|| runs(write, depth)));
    }
    let image = setting.card().memory_ref().image();
    group.throughput(Throughput::Elements(1));
    group.bench_function("floor: image copied and compared", |bencher| {
        bencher.iter(|| {
            let copy = black_box(image).to_vec();
            black_box(copy == image)
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = torn_runs
}
criterion_main!(benches);
