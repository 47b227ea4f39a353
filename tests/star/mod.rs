//! The star: builds, history, members, traces.

pub mod advice;
pub mod build;
pub mod corners;
pub mod draft;
pub mod empty;
pub mod grains;
pub mod graph;
pub mod guards;
pub mod inferred;
pub mod kept;
pub mod lacking;
pub mod members;
pub mod model;
pub mod plans;
pub mod readers;
pub mod remembered;
pub mod renames;
pub mod retyped;
pub mod rows;
pub mod taken;
pub mod titles;
pub mod trace;
pub mod turns;
pub mod values;
pub mod whole;
pub mod widened;

use libtest_mimic::Trial;

pub fn cases() -> Vec<Trial> {
    [
        advice::cases(),
        build::cases(),
        corners::cases(),
        draft::cases(),
        empty::cases(),
        grains::cases(),
        graph::cases(),
        guards::cases(),
        inferred::cases(),
        kept::cases(),
        lacking::cases(),
        members::cases(),
        model::cases(),
        plans::cases(),
        readers::cases(),
        remembered::cases(),
        renames::cases(),
        retyped::cases(),
        rows::cases(),
        taken::cases(),
        titles::cases(),
        trace::cases(),
        turns::cases(),
        whole::cases(),
        values::cases(),
        widened::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
