//! Nanoseconds a data object: our BER-TLV iterator against the crate `iso7816-tlv`, on what a contact EMV card sends in one payment.
//!
//! `cargo bench --bench tlv`; criterion prints elements (objects) a second, 1000 / (Melem/s) is nanoseconds an object.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use iso7816_tlv::ber;
use untorn::wire::{
    hex,
    tlv::{self, Iter},
};

/// File control information, answer to GET PROCESSING OPTIONS, three records; the values are made up, the lengths are a real card's.
const FILES: &str = "
    6F438407A0000000041010A538500A4D6173746572436172648701019F38069F1A025F2A025F2D04656E64659F1101019F120A4D617374657243617264BF0C059F4D020B0A
    770E8202380094080801010010010301
    705B57125413330089600010D25122010001234567895F200A434152442F454D5620205A0854133300896000105F24032512315F25032001015F280200565F3401019F0702FF009F080200029F420209789F4401029F0D05F050BC8800
    70558C219F02069F03069F1A0295055F2A029A039C019F37049F35019F45029F4C089F34038D0C910A8A0295059F37049F4C088E0E000000000000000042031E031F039F0E0500000000009F0F05F070BC98009F4A0182
    7081A08F01059F32010392040BADF00D908190";

fn blob() -> Vec<u8> {
    let mut octets = hex::parse(FILES).unwrap_or_default();
    octets.extend((0..0x90u8).map(|octet| octet ^ 0x6A));
    octets
}

/// Objects on all levels and octets of primitive values, so that nothing read goes unused.
fn ours(objects: Iter<'_>) -> (usize, usize) {
    let mut sum = (0, 0);
    for object in objects.map_while(Result::ok) {
        let inner = if object.tag.is_constructed() { ours(object.children()) } else { (0, object.value.len()) };
        sum = (sum.0 + 1 + inner.0, sum.1 + inner.1);
    }
    sum
}

fn theirs(objects: &[ber::Tlv]) -> (usize, usize) {
    let mut sum = (0, 0);
    for object in objects {
        let inner = match object.value() {
            ber::Value::Constructed(inside) => theirs(inside),
            ber::Value::Primitive(value) => (0, value.len()),
        };
        sum = (sum.0 + 1 + inner.0, sum.1 + inner.1);
    }
    sum
}

fn walk(criterion: &mut Criterion) {
    let octets = blob();
    let objects = ours(tlv::iter(&octets));
    assert_eq!(objects, theirs(&ber::Tlv::parse_all(&octets)), "both read the same");
    assert_eq!(tlv::iter(&octets).map_while(Result::ok).count(), 5, "and the whole of it");
    assert!(objects.0 >= 30, "{objects:?}");
    let mut group = criterion.benchmark_group(format!("tlv/{} objects, {} octets", objects.0, octets.len()));
    group.throughput(Throughput::Elements(objects.0 as u64));
    group.bench_function("untorn", |bencher| bencher.iter(|| ours(tlv::iter(black_box(&octets)))));
    group.bench_function("iso7816-tlv", |bencher| {
        bencher.iter(|| theirs(&ber::Tlv::parse_all(black_box(&octets))));
    });
    group.finish();
}

criterion_group!(benches, walk);
criterion_main!(benches);
