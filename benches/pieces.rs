//! The pieces that a row goes through, one by one, over TPC-H's lineitem in memory: bytes a second of the text that they start from.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sluice::format::ReadOptions;
use sluice::format::csv::{Reader, count_cells};
use sluice::record::Chunk;
use sluice::schema::{Column, Inference, Projection, Selection, Type, column_names, conform, shape};
use sluice::warehouse::encode_copy;
use tpchgen::csv::LineItemCsv;
use tpchgen::generators::LineItemGenerator;

/// About 16 MB.
const ROWS: usize = 125_000;

fn lineitem() -> Vec<u8> {
    let mut text = format!("{}\n", LineItemCsv::header());
    for item in LineItemGenerator::new(1.0, 1, 1).iter().take(ROWS) {
        writeln!(text, "{}", LineItemCsv::new(item)).unwrap();
    }
    text.into_bytes()
}

fn chunks(text: &[u8]) -> Vec<Chunk> {
    let mut reader = Reader::open(text, &ReadOptions::default()).unwrap();
    std::iter::from_fn(|| reader.next_chunk().unwrap()).collect()
}

/// Looks at every value, column by column, as the first pass over a file does.
fn infer(chunks: &[Chunk]) -> Vec<Inference> {
    let mut columns = vec![Inference::default(); chunks[0].records.width()];
    for Chunk { records, .. } in chunks {
        for row in 0..records.len() {
            for (place, column) in columns.iter_mut().enumerate() {
                if let Some(value) = records.cell(row, place) {
                    column.see(value);
                }
            }
        }
    }
    columns
}

fn shape_of(header: &[String], inferred: &[Inference]) -> Projection {
    let named = column_names(header, None).into_iter().zip(header).zip(inferred);
    let columns: Vec<_> = named
        .map(|((name, header), inference)| Column { name, header: header.clone(), fits: inference.fits() })
        .collect();
    shape(&columns, &Selection::default(), None).unwrap()
}

fn pieces(criterion: &mut Criterion) {
    let text = lineitem();
    let reader = Reader::open(text.as_slice(), &ReadOptions::default()).unwrap();
    let (dialect, header) = (reader.dialect().clone(), reader.header().to_vec());
    let chunks = chunks(&text);
    assert_eq!(chunks.iter().map(Chunk::rows).sum::<u64>(), ROWS as u64);
    let shape = shape_of(&header, &infer(&chunks));
    let batches: Vec<_> = chunks.iter().map(|chunk| conform(&chunk.records, &shape, 1).unwrap().batch).collect();
    let mut types: Vec<_> = shape.columns.iter().map(|one| one.column.kind()).collect();
    // The load's number and the line.
    types.extend([Type::Bigint, Type::Bigint]);

    let mut group = criterion.benchmark_group("lineitem");
    group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(20);
    group.bench_function("split", |bencher| bencher.iter(|| count_cells(black_box(&text), &dialect)));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| {
            let mut reader = Reader::reopen(black_box(text.as_slice()), &dialect).unwrap();
            let mut rows = 0;
            while let Some(chunk) = reader.next_chunk().unwrap() {
                rows += chunk.rows();
            }
            rows
        });
    });
    group.bench_function("infer", |bencher| bencher.iter(|| infer(black_box(&chunks))));
    group.bench_function("conform", |bencher| {
        bencher.iter(|| {
            let conformed = chunks.iter().map(|chunk| conform(&chunk.records, black_box(&shape), 1).unwrap());
            conformed.map(|one| one.batch.num_rows()).sum::<usize>()
        });
    });
    group.bench_function("encode", |bencher| {
        let mut out = Vec::new();
        bencher.iter(|| {
            for batch in &batches {
                out.clear();
                encode_copy(&types, black_box(batch), &mut out);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, pieces);
criterion_main!(benches);
