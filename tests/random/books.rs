//! What is looked at after a run: the star as text without its keys, what must always hold, and the keys that were ever seen.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};

use super::models::Models;
use crate::support::{Outcome, TestDatabase};

/// The star without surrogate keys and without what only the order of runs tells: the same for every way that led to it.
pub async fn star(database: &TestDatabase, models: &Models) -> anyhow::Result<String> {
    let historic = models.is_historic();
    let valid = if historic { ", valid_from, valid_to, is_current" } else { ", changed_on" };
    let inferred = if models.infers_customers() { ", is_inferred" } else { "" };
    let made = if models.infers_fees() { ", is_inferred" } else { "" };
    let shop_valid = if models.shop_says_when { ", valid_from, valid_to" } else { "" };
    let customer = |name: &str| {
        let from = if historic { format!(", {name}.valid_from") } else { String::new() };
        format!("{name}.customer_id, {name}.name, {name}.city{from}")
    };
    let (c, g) = (customer("c"), customer("g"));
    let of = "join datawarehouse.dim_customer c on c.dim_customer_key = f.customer_id_key";
    let tag = "join datawarehouse.dim_tag t on t.dim_tag_key = f.tag_key";
    let queries = [
        ("dim_customer", format!("select customer_id, name, city{valid}{inferred} from datawarehouse.dim_customer")),
        ("dim_tag", "select tag, label, since from datawarehouse.dim_tag".to_owned()),
        (
            "fact_order",
            format!(
                "select f.order_id, {c}, {g}, f.order_date_key, e.fee, e.label, f.amount, f.tip, f._load_id, f._line \
                 from datawarehouse.fact_order f {of} join datawarehouse.dim_customer g on g.dim_customer_key = \
                  f.friend_key join datawarehouse.dim_fee e on e.dim_fee_key = f.fee_key"
            ),
        ),
        (
            "fact_tag",
            format!(
                "select f.order_id, f.order_date, t.tag, t.label, {c}, f._load_id, f._line from datawarehouse.fact_tag f {of} {tag}"
            ),
        ),
        ("fact_word", format!("select f.order_id, f.word, {c}, f._load_id from datawarehouse.fact_word f {of}")),
        (
            "fact_line",
            format!(
                "select o.order_id, {c}, e.fee, f.order_date, f.tip, f._load_id, f._line from datawarehouse.fact_line f {of} \
                 join datawarehouse.dim_order o on o.dim_order_key = f.order_id_key \
                  join datawarehouse.dim_fee e on e.dim_fee_key = f.fee_key"
            ),
        ),
        ("bridge_taste", format!("select {c}, t.tag from datawarehouse.bridge_taste f {of} {tag}")),
        ("dim_fee", format!("select fee, label{made} from datawarehouse.dim_fee")),
        ("dim_shop", format!("select shop_id, city, is_current{shop_valid} from datawarehouse.dim_shop")),
        (
            "fact_visit",
            "select f.visit_id, s.shop_id, s.city, f.visited_on, f._load_id, f._line from \
         datawarehouse.fact_visit f join datawarehouse.dim_shop s on s.dim_shop_key = f.shop_id_key"
                .to_owned(),
        ),
        ("fact_shop", "select * from datawarehouse.fact_shop".to_owned()),
        ("totals", "select customer_id, city, amount, tip, rest, mean, orders from datawarehouse.totals".to_owned()),
        ("members", "select customer_id, versions from datawarehouse.members".to_owned()),
        ("big", "select order_id from datawarehouse.big".to_owned()),
        ("rejects", "select fact, load_id, line, \"column\", value, reason from sluice.star_reject".to_owned()),
    ];
    let mut all = String::new();
    for (name, query) in queries {
        all += &format!("{name}\n{}\n", sorted(database, &query).await.context(name)?);
    }
    Ok(all)
}

/// The keys that the same files give on both engines.
pub async fn keys(database: &TestDatabase, models: &Models) -> anyhow::Result<String> {
    let valid = if models.is_historic() { "valid_from" } else { "changed_on" };
    let queries = [
        format!("select dim_customer_key, customer_id, {valid} from datawarehouse.dim_customer"),
        "select dim_tag_key, tag from datawarehouse.dim_tag".to_owned(),
        "select dim_fee_key, fee from datawarehouse.dim_fee".to_owned(),
        "select dim_shop_key, shop_id, city, is_current from datawarehouse.dim_shop".to_owned(),
        "select dim_promo_key, promo, rate, is_current, is_inferred from datawarehouse.dim_promo".to_owned(),
        "select order_id, customer_id_key, friend_key, fee_key from datawarehouse.fact_order".to_owned(),
        "select _load_id, _line, order_id_key, customer_id_key, fee_key from datawarehouse.fact_line".to_owned(),
        "select visit_id, shop_id_key, promo_key from datawarehouse.fact_visit".to_owned(),
    ];
    let mut all = String::new();
    for query in queries {
        all += &(sorted(database, &query).await? + "\n");
    }
    Ok(all)
}

/// The tables of the star in whatever shape they stand, which is not yet that of a changed header.
pub async fn as_it_stands(database: &TestDatabase) -> String {
    let tables =
        ["dim_customer", "dim_tag", "dim_fee", "dim_shop", "dim_promo", "fact_order", "fact_line", "fact_visit"];
    let mut all = String::new();
    for table in tables {
        // One that was not built yet has none.
        let rows = sorted(database, &format!("select * from datawarehouse.{table}")).await.unwrap_or_default();
        all += &format!("{table}\n{rows}\n");
    }
    all
}

/// Lines in the order of their bytes, which is the same on both engines.
async fn sorted(database: &TestDatabase, query: &str) -> anyhow::Result<String> {
    let text = database.text(query).await.with_context(|| query.to_owned())?;
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    Ok(lines.join("\n"))
}

/// What holds of every star, whatever led to it.
pub async fn invariants(database: &TestDatabase, models: &Models) -> Outcome {
    let mut historic = vec![("dim_shop", "shop_id"), ("dim_promo", "promo")];
    historic.extend(models.is_historic().then_some(("dim_customer", "customer_id")));
    let mut none = Vec::new();
    for (table, key) in historic {
        let (id, table) = (format!("{table}_key"), format!("datawarehouse.{table}"));
        none.extend([
            (
                "versions overlap",
                format!(
                    "select a.{key}, a.{id}, b.{id} from {table} a join {table} b on a.{key} = \
             b.{key} and a.{id} < b.{id} and a.valid_from < b.valid_to and b.valid_from < a.valid_to"
                ),
            ),
            (
                "a version ends before it begins",
                format!(
                    "select {key}, {id} from {table} where valid_from >= valid_to \
             or valid_from is null or valid_to is null"
                ),
            ),
            (
                "the current version is that without an end",
                format!(
                    "select {key}, {id} from {table} where \
             (cast(valid_to as text) like '9999-12-31%') <> is_current"
                ),
            ),
            (
                "two current versions",
                format!("select {key} from {table} where is_current group by {key} having count(*) > 1"),
            ),
        ]);
    }
    if models.is_historic() {
        let gap = "select a.customer_id, a.valid_to from datawarehouse.dim_customer a where not a.is_current and not \
         exists (select 1 from datawarehouse.dim_customer b where b.customer_id = a.customer_id and b.valid_from = a.valid_to)";
        none.push(("versions of a customer have a gap, or none is current", gap.to_owned()));
    }
    let staged = |dimension: &str, key: &str, attribute: &str, dataset: &str| {
        format!(
            "select s.{key} from staging.{dataset} s where not exists (select 1 from datawarehouse.{dimension} d where d.{key} = s.{key} \
             and d.is_current and (d.{attribute} = s.{attribute} or d.{attribute} is null and s.{attribute} is null))"
        )
    };
    if !models.shop_says_when {
        none.push(("what staging has is not current", staged("dim_shop", "shop_id", "city", "shops")));
    }
    if !models.promo_says_when {
        none.push(("what staging has is not current", staged("dim_promo", "promo", "rate", "promos")));
    }
    for (fact, key, dimension) in [
        ("fact_order", "customer_id_key", "dim_customer"),
        ("fact_order", "friend_key", "dim_customer"),
        ("fact_order", "order_date_key", "dim_day"),
        ("fact_order", "fee_key", "dim_fee"),
        ("fact_line", "order_id_key", "dim_order"),
        ("fact_line", "fee_key", "dim_fee"),
        ("fact_tag", "tag_key", "dim_tag"),
        ("fact_tag", "customer_id_key", "dim_customer"),
        ("bridge_taste", "customer_id_key", "dim_customer"),
        ("fact_visit", "shop_id_key", "dim_shop"),
        ("fact_visit", "promo_key", "dim_promo"),
    ] {
        let dangling = format!(
            "select f.{key} from datawarehouse.{fact} f where not exists (select 1 from datawarehouse.{dimension} d \
             where d.{dimension}_key = f.{key})"
        );
        none.push(("a key is no member's", dangling));
    }
    for (what, query) in none {
        let found = database.text(&query).await.with_context(|| query.clone())?;
        ensure!(found.is_empty(), "{what}:\n{found}\n{query}");
    }
    Ok(())
}

/// Every key that was ever seen: it stays its member's and its version's.
#[derive(Default)]
pub struct Keys {
    member: BTreeMap<(&'static str, String), String>,
    version: BTreeMap<(&'static str, String, String), String>,
    /// Keys that a member had when a fact had made it: that of a version that completes it, whichever it is.
    made: BTreeSet<(&'static str, String)>,
    /// Numbers that were one member, and are texts of several now: one of them goes on as it.
    parted: BTreeSet<(&'static str, String)>,
}

/// A number with no more digits than it needs: a member whose key becomes text keeps its surrogate key, however its number is written.
fn shortest(member: &str) -> String {
    let is_number = member.parse::<f64>().is_ok() && member.contains('.');
    if is_number { member.trim_end_matches('0').trim_end_matches('.').to_owned() } else { member.to_owned() }
}

impl Keys {
    /// Versions begin anew.
    pub fn forget_versions_of(&mut self, dimension: &str) {
        self.version.retain(|(of, ..), _| *of != dimension);
    }

    pub async fn look(&mut self, database: &TestDatabase, models: &Models) -> Outcome {
        let (valid, inferred) = (models.is_historic(), models.infers_customers());
        for (dimension, key, historic, inferred) in [
            ("dim_customer", "customer_id", valid, inferred),
            ("dim_tag", "tag", false, models.infers_tags()),
            ("dim_fee", "fee", false, models.infers_fees()),
            ("dim_shop", "shop_id", true, false),
            ("dim_promo", "promo", true, true),
        ] {
            let valid = if historic { "valid_from" } else { "'always'" };
            let is_inferred = if inferred { "is_inferred" } else { "false" };
            let query = format!(
                "select {dimension}_key, {key}, {valid}, {is_inferred} from datawarehouse.{dimension} where {dimension}_key <> 0"
            );
            let rows = database.rows(&query).await?;
            let rows: Vec<_> = rows
                .into_iter()
                .map(|row| <[_; 4]>::try_from(row).unwrap_or_default().map(Option::unwrap_or_default))
                .collect();
            for (at, [_, member, from, _]) in rows.iter().enumerate() {
                let is_other =
                    |row: &[String; 4]| row[1] != *member && row[2] == *from && shortest(&row[1]) == shortest(member);
                if rows[..at].iter().any(is_other) {
                    self.parted.insert((dimension, shortest(member)));
                }
            }
            for [id, member, from, is_inferred] in rows {
                if is_inferred == "true" {
                    self.made.insert((dimension, id.clone()));
                }
                let member = shortest(&member);
                let of = self.member.entry((dimension, id.clone())).or_insert_with(|| member.clone());
                ensure!(*of == member, "{dimension}: key {id} was {of}'s and is {member}'s");
                if self.parted.contains(&(dimension, member.clone())) {
                    continue;
                }
                let was = self.version.entry((dimension, member.clone(), from.clone())).or_insert_with(|| id.clone());
                let is_made = |key: &String| historic && self.made.contains(&(dimension, key.clone()));
                ensure!(
                    *was == id || is_made(was) || is_made(&id),
                    "{dimension}: {member} since {from} had the key {was} and has {id}"
                );
                *was = id;
            }
        }
        Ok(())
    }
}
