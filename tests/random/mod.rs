//! Random sequences of files, corrections, late rows, retractions, changed headers and runs. After every run the star must be that
//! which a first build out of the same loads gives, whatever way led to it; keys stay; a second run changes nothing; and both engines
//! tell the same story. Each sequence is a case, named by its seed: `cargo test --test it -- random::sequence_7`.
//! `RANDOM_SEQUENCES=500` makes more of them, `RANDOM_SEED=1000` begins elsewhere.

mod books;
mod files;
mod grains;
mod models;
mod promotions;

use std::collections::BTreeMap;
use std::sync::Mutex;

use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use sluice::load::retract::retract;
use sluice::pipeline::{self, Options, TableChange};
use sluice::sql::{Schema, Table};
use sluice::warehouse::Scope;

use self::books::Keys;
use self::files::{Dataset, Files};
use self::models::Models;
use self::promotions::Promotions;
use crate::support::{Outcome, TestDatabase, Workdir, on_both};

/// Steps of a sequence.
const STEPS: usize = 24;

pub fn cases() -> Vec<Trial> {
    let number =
        |name: &str, default: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let from = number("RANDOM_SEED", 1);
    let seeds = from..from + number("RANDOM_SEQUENCES", 4);
    let of_grains = grains::cases(seeds.clone());
    let sequences = seeds.flat_map(|seed| {
        on_both(&format!("random::sequence_{seed}"), move |database, workdir| sequence(seed, database, workdir))
    });
    sequences.chain(of_grains).collect()
}

/// What each sequence told on the engine that was first.
static TOLD: Mutex<BTreeMap<u64, Vec<String>>> = Mutex::new(BTreeMap::new());

async fn sequence(seed: u64, database: TestDatabase, workdir: Workdir) -> Outcome {
    let mut dice = fastrand::Rng::with_seed(seed);
    let scratch = database.another().await?;
    let models = Models::any(&mut dice);
    let mut story = Story {
        dice,
        database,
        scratch,
        workdir,
        models,
        files: Files::default(),
        loads: Vec::new(),
        contents: Vec::new(),
        keys: Keys::default(),
        promotions: Promotions::default(),
        changed_header: false,
        told: Vec::new(),
    };
    let done = story.run().await;
    let told = story.told;
    done.with_context(|| {
        format!(
            "seed {seed}\n{}",
            told.iter()
                .filter(|line| !line.contains('\n') || line.starts_with("load"))
                .cloned()
                .collect::<Vec<_>>()
                .join("\n")
        )
    })?;
    let mut all = TOLD.lock().unwrap();
    let first = all.entry(seed).or_insert_with(|| told.clone());
    let differs = first.iter().zip(&told).find(|(one, other)| one != other);
    ensure!(differs.is_none() && first.len() == told.len(), "seed {seed}: the engines differ: {differs:#?}");
    Ok(())
}

struct Story {
    dice: fastrand::Rng,
    /// Here the star is brought up to date by every run.
    database: TestDatabase,
    /// Here are the same loads, and the star is built anew each time.
    scratch: TestDatabase,
    workdir: Workdir,
    models: Models,
    files: Files,
    /// The loads whose rows count.
    loads: Vec<(i64, Dataset)>,
    /// Every file that was loaded.
    contents: Vec<(Dataset, String)>,
    keys: Keys,
    promotions: Promotions,
    changed_header: bool,
    /// What happened.
    told: Vec<String>,
}

impl Story {
    async fn run(&mut self) -> Outcome {
        models::plugins(&self.workdir)?;
        self.models.write(&self.workdir)?;
        self.told.push(format!("{:?}", self.models));
        for dataset in Dataset::ALL {
            self.load(dataset, Files::first(dataset)).await?;
        }
        for _ in 0..STEPS {
            self.step().await?;
        }
        self.bring_up_to_date().await
    }

    async fn step(&mut self) -> Outcome {
        match self.dice.u8(..100) {
            0..50 => {
                let dataset = Dataset::any(&mut self.dice);
                let text = self.files.any(dataset, &mut self.dice);
                self.load(dataset, text).await
            }
            50..54 => {
                let (dataset, text) = self.contents[self.dice.usize(..self.contents.len())].clone();
                self.load(dataset, text).await
            }
            54..62 => self.take_back().await,
            62..64 => self.take_back_a_replaced_file().await,
            64..69 => {
                let before = self.models.is_historic();
                let now = self.models.change(&mut self.dice);
                self.told.push(now);
                if before != self.models.is_historic() {
                    self.keys.forget_versions_of("dim_customer");
                }
                self.changed_header = true;
                self.models.write(&self.workdir)
            }
            69..71 => self.repeat_an_order().await,
            71..77 => self.run_a_part().await,
            _ => self.bring_up_to_date().await,
        }
    }

    async fn load(&mut self, dataset: Dataset, text: String) -> Outcome {
        self.told.push(format!("load {dataset:?} {text}"));
        let report = self.workdir.load(&self.database, &dataset.file_name(), &text).await?;
        let other = self.workdir.load(&self.scratch, &dataset.file_name(), &text).await?;
        ensure!((report.load_id, report.duplicate_of) == (other.load_id, other.duplicate_of), "{report:?} {other:?}");
        if report.duplicate_of.is_none() {
            if dataset == Dataset::Promos {
                self.loads.retain(|(_, of)| *of != Dataset::Promos);
            }
            self.loads.push((report.load_id, dataset));
            self.contents.push((dataset, text));
        }
        Ok(())
    }

    async fn take_back(&mut self) -> Outcome {
        if self.loads.is_empty() {
            return Ok(());
        }
        let place = self.dice.usize(..self.loads.len());
        let (load, dataset) = self.loads[place];
        let done = retract(&self.workdir.app(&self.database).loader, load, true).await;
        let other = retract(&self.workdir.app(&self.scratch).loader, load, true).await;
        self.told.push(format!(
            "retract load {load} of {dataset:?}: {:?}",
            done.as_ref().map(|done| done.rows_removed).map_err(ToString::to_string)
        ));
        ensure!(done.is_ok() == other.is_ok(), "{done:?} {other:?}");
        if done.is_ok() {
            self.loads.remove(place);
            self.promotions.take_back(load);
        }
        Ok(())
    }

    /// A file whose rows a later one has replaced, and that the versions remember.
    async fn take_back_a_replaced_file(&mut self) -> Outcome {
        let is_there = |load: &i64| self.loads.iter().any(|(of, _)| of == load);
        let replaced: Vec<_> = self.promotions.loads().into_iter().filter(|load| !is_there(load)).collect();
        if replaced.is_empty() {
            return Ok(());
        }
        let load = replaced[self.dice.usize(..replaced.len())];
        retract(&self.workdir.app(&self.database).loader, load, true).await?;
        self.told.push(format!("retract load {load}, which was replaced"));
        self.promotions.take_back(load);
        Ok(())
    }

    /// A file that no run takes, and that is taken back.
    async fn repeat_an_order(&mut self) -> Outcome {
        self.load(Dataset::Orders, Files::repeated_order()).await?;
        let before = books::star(&self.database, &self.models).await.ok();
        let failed = pipeline::run_with(&self.workdir.app(&self.database).workspace, &self.options()).await;
        let why = failed.err().context("an order stands twice, and the run did not fail")?.to_string();
        ensure!(why.contains("grain: several rows"), "{why}");
        ensure!(before == books::star(&self.database, &self.models).await.ok(), "a run that failed changed the star");
        let (load, _) = self.loads.pop().context("it was loaded")?;
        self.contents.pop();
        for database in [&self.database, &self.scratch] {
            retract(&self.workdir.app(database).loader, load, true).await?;
        }
        Ok(())
    }

    fn options(&self) -> Options {
        Options { allow_drop: self.changed_header, ..Options::default() }
    }

    /// A run that is not asked for everything, or not to be kept.
    async fn run_a_part(&mut self) -> Outcome {
        let parts = ["dim_customer", "fact_order", "+fact_order", "dim_customer+", "members", "+totals", "dim_promo+"];
        let part = parts[self.dice.usize(..parts.len())];
        let full = self.dice.u8(..4) == 0;
        let options = Options { select: vec![part.to_owned()], full, ..self.options() };
        let done = pipeline::run_with(&self.workdir.app(&self.database).workspace, &options).await;
        self.told.push(format!("run --select {part}: {}", if done.is_ok() { "done" } else { "failed" }));
        if done.is_ok() && part == "dim_promo+" {
            self.see_promotions().await?;
        }
        if let Err(error) = done {
            let why = error.to_string();
            let known = [
                "has not been built yet",
                "there is no table datawarehouse",
                "was built without members that facts make",
                "would refer to members that are gone",
                "foreign key",
                "no such table",
                "does not exist",
                "guard: gone_at_most",
            ];
            ensure!(known.iter().any(|words| why.contains(words)), "--select {part}: {why}");
        }
        Ok(())
    }

    async fn see_promotions(&mut self) -> Outcome {
        let newest = self.loads.iter().find(|(_, dataset)| *dataset == Dataset::Promos).map(|(load, _)| *load);
        self.promotions.see(&self.database, newest).await
    }

    /// Lets a run pass that a guard holds back: it must have changed nothing.
    async fn pass_guards(&mut self, options: &mut Options) -> Outcome {
        let app = self.workdir.app(&self.database);
        let dry = Options { dry: true, ..options.clone() };
        let Err(error) = pipeline::run_with(&app.workspace, &dry).await else { return Ok(()) };
        let why = error.to_string();
        ensure!(why.contains("guard: gone_at_most"), "a dry run: {why}");
        let before = books::as_it_stands(&self.database).await;
        let refused = pipeline::run_with(&app.workspace, options).await.err().map(|error| error.to_string());
        ensure!(refused.as_ref() == Some(&why), "a dry run is held back ({why}), and a run is not: {refused:?}");
        ensure!(before == books::as_it_stands(&self.database).await, "a run that was held back changed the star");
        let lines = why.lines().filter_map(|line| line.split_once(".sql:").map(|(_, line)| line.to_owned()));
        self.told.push(format!("held back:\n{}", lines.collect::<Vec<_>>().join("\n")));
        options.accept_guard = models::GUARDED.map(str::to_owned).to_vec();
        Ok(())
    }

    /// A run, and everything that must hold then.
    async fn bring_up_to_date(&mut self) -> Outcome {
        let app = self.workdir.app(&self.database);
        let mut options = Options { full: self.dice.u8(..8) == 0, ..self.options() };
        self.pass_guards(&mut options).await?;
        let dry = if self.dice.bool() {
            let dry = Options { dry: true, ..options.clone() };
            Some(pipeline::run_with(&app.workspace, &dry).await.context("a dry run")?.changes)
        } else {
            None
        };
        let mut changes = pipeline::run_with(&app.workspace, &options).await.context("a run")?.changes;
        self.told.push("run".to_owned());
        self.changed_header = false;
        ensure!(dry.is_none_or(|dry| dry == changes), "a dry run said something else");
        let star = books::star(&self.database, &self.models).await?;
        // Which rows are shown of those at fault nobody says.
        changes.iter_mut().flat_map(|change| &mut change.warnings).for_each(|found| found.samples.clear());
        self.told.push(format!(
            "\n{}\n{star}\n{}",
            serde_json::to_string(&changes)?,
            books::keys(&self.database, &self.models).await?
        ));
        books::invariants(&self.database, &self.models).await?;
        self.keys.look(&self.database, &self.models).await?;
        self.see_promotions().await?;
        self.promotions.look(&self.database, &self.models).await?;

        let again = pipeline::run_with(&app.workspace, &Options::default()).await?.changes;
        let idle = |change: &TableChange| change.how == "nothing new" && change.changed() == 0;
        let busy: Vec<_> = again.iter().filter(|change| !idle(change)).collect();
        ensure!(busy.is_empty(), "the second run did something: {busy:?}");
        ensure!(star == books::star(&self.database, &self.models).await?, "the second run changed the star");

        clear(&self.scratch).await?;
        pipeline::run(&self.workdir.app(&self.scratch).workspace).await.context("a first build")?;
        let built = books::star(&self.scratch, &self.models).await?;
        let differs: Vec<_> = star.lines().filter(|line| !built.lines().any(|other| other == *line)).collect();
        let lacks: Vec<_> = built.lines().filter(|line| !star.lines().any(|other| other == *line)).collect();
        ensure!(
            star == built,
            "the star is not that of a first build:\nit has {differs:#?}\nit lacks {lacks:#?}\n{star}"
        );
        Ok(())
    }
}

/// Takes the star away, and all that is known of it.
async fn clear(database: &TestDatabase) -> Outcome {
    let names = database.warehouse.names();
    let catalog = |name: String| names.table(&Table { schema: Schema::Catalog, name });
    let mut transaction = database.warehouse.begin(Scope::Star).await?;
    let mut statements = vec![format!("drop view if exists {}", names.table(&Table::datawarehouse("big")))];
    statements.extend(
        models::TABLES.iter().map(|name| format!("drop table if exists {}", names.table(&Table::datawarehouse(name)))),
    );
    for name in models::TABLES {
        statements.extend(
            ["retired", "seen"].map(|ending| format!("drop table if exists {}", catalog(format!("{name}_{ending}")))),
        );
    }
    statements
        .extend(["star", "star_load", "star_reject"].map(|name| format!("delete from {}", catalog(name.to_owned()))));
    for statement in statements {
        transaction.execute(&statement, &[]).await?;
    }
    transaction.commit().await?;
    Ok(())
}
