//! The star of the sequences, and how its headers change meanwhile.

use crate::support::Workdir;

/// What of the headers changes.
#[derive(Clone, Debug)]
pub struct Models {
    /// The attributes of a customer whose changes open versions; empty: none do.
    history: &'static [&'static str],
    /// What becomes of a customer, a friend, a tag and a fee that are not there.
    missing: [&'static str; 4],
    /// Whether amounts are looked at.
    checks: bool,
    /// What becomes of a promotion that a file does not name any more.
    pub gone: &'static str,
    /// Whether a shop says from when on a row holds, or its file's loading does.
    pub shop_says_when: bool,
    /// The same of a promotion.
    pub promo_says_when: bool,
    /// How much a run may take out of the tables of [`GUARDED`].
    may_go: Option<&'static str>,
}

/// The tables with a guard, where there are guards.
pub const GUARDED: [&str; 4] = ["dim_customer", "dim_promo", "fact_tag", "bridge_taste"];

const HISTORIES: [&[&str]; 3] = [&["city"], &["city", "name"], &[]];
const MISSING: [&str; 3] = ["unknown", "infer", "reject"];

impl Models {
    pub fn any(dice: &mut fastrand::Rng) -> Models {
        Models {
            history: HISTORIES[dice.usize(..2)],
            missing: [(); 4].map(|()| MISSING[dice.usize(..3)]),
            checks: false,
            gone: ["close", "keep"][dice.usize(..2)],
            shop_says_when: dice.bool(),
            promo_says_when: dice.bool(),
            may_go: [None, Some("0"), Some("20 %"), Some("3")][dice.usize(..4)],
        }
    }

    /// Another header; gives what it says now.
    pub fn change(&mut self, dice: &mut fastrand::Rng) -> String {
        match dice.usize(..6) {
            0 | 1 => self.history = HISTORIES[dice.usize(..3)],
            2 => self.checks = !self.checks,
            _ => self.missing[dice.usize(..4)] = MISSING[dice.usize(..3)],
        }
        format!("{self:?}")
    }

    /// Whether customers have versions.
    pub fn is_historic(&self) -> bool {
        !self.history.is_empty()
    }

    /// Whether facts make customers, so that the table says of each whether it was made so.
    pub fn infers_customers(&self) -> bool {
        self.missing[..2].contains(&"infer")
    }

    /// Whether facts make tags.
    pub fn infers_tags(&self) -> bool {
        self.missing[2] == "infer"
    }

    /// Whether facts make fees.
    pub fn infers_fees(&self) -> bool {
        self.missing[3] == "infer"
    }

    pub fn write(&self, workdir: &Workdir) -> anyhow::Result<()> {
        let history = match self.history {
            [] => String::new(),
            columns => format!("history: [{}]\n", columns.join(", ")),
        };
        let checks = if self.checks { "checks: {range: {amount: [1, 50]}, severity: warn}\n" } else { "" };
        let [customer, friend, tag, fee] = self.missing;
        let gone = self.gone;
        let (says_when, when) = if self.shop_says_when { ("at: changed_on\n", ", changed_on") } else { ("", "") };
        let (promo_at, since) = if self.promo_says_when { ("at: since\n", ", since") } else { ("", "") };
        let files = [
            ("dim_customer", format!("kind: dimension\nkey: [customer_id]\n{history}at: changed_on\n*/\nselect \
             customer_id, name, city, changed_on from staging.customers")),
            ("dim_tag", "kind: dimension\nkey: [tag]\nat: since\nunknown: {label: none}\n*/\nselect tag, label, since \
             from staging.tags".to_owned()),
            ("dim_day", "kind: calendar\nfrom: 2024-01-01\nto: 2024-02-29\n*/\n".to_owned()),
            ("dim_shop", format!("kind: dimension\nkey: [shop_id]\nhistory: [city]\n{says_when}*/\nselect shop_id, \
             city{when} from staging.shops")),
            ("dim_fee", "kind: dimension\nkey: [fee]\nat: _load_id\n*/\nselect fee, label from staging.fees".to_owned()),
            ("dim_promo", format!("kind: dimension\nkey: [promo]\nhistory: [rate]\n{promo_at}gone: {gone}\n*/\nselect \
             promo, rate{since} from staging.promos")),
            ("fact_order", format!("kind: fact\ngrain: [order_id]\nat: order_date\ndimensions:\n  customer_id: \
             {{dimension: dim_customer, missing: {customer}}}\n  friend_id: {{dimension: dim_customer, role: friend, \
              missing: {friend}}}\n  order_date: dim_day\n  fee: {{dimension: dim_fee, missing: \
               {fee}}}\n{checks}*/\nselect order_id, customer_id, friend_id, order_date, fee, amount, tip from \
                staging.orders where amount > 0")),
            ("fact_tag", format!("kind: fact\ngrain: [order_id, tag]\nat: order_date\nunpivot: {{into: tag, columns: \
             [t1..t2]}}\ndimensions:\n  tag: {{dimension: dim_tag, missing: {tag}}}\n  customer_id: {{dimension: \
              dim_customer, missing: {friend}}}\n*/\nselect order_id, customer_id, order_date, t1, t2 from staging.orders")),
            ("fact_word", format!("kind: fact\ngrain: [order_id, word]\nunpivot: {{into: word, columns: \
             [t1..t2]}}\ndimensions:\n  customer_id: {{dimension: dim_customer, missing: {customer}}}\n*/\nselect \
              order_id, customer_id, t1, t2 from staging.orders where amount > 20")),
            ("dim_order", "kind: dimension\nkey: [order_id]\ndistinct: true\n*/\nselect order_id from staging.orders where \
             amount > 5".to_owned()),
            ("fact_line", format!("kind: fact\ngrain: [order_id, customer_id, fee]\nat: order_date\ndimensions:\n  order_id: \
             {{dimension: dim_order, missing: {friend}}}\n  customer_id: {{dimension: dim_customer, missing: {customer}}}\n  fee: \
              {{dimension: dim_fee, missing: {fee}}}\n*/\nselect order_id, customer_id, fee, order_date, tip from staging.orders")),
            ("bridge_taste", format!("kind: bridge\ndistinct: true\ndimensions:\n  customer_id: {{dimension: \
             dim_customer, missing: {friend}}}\n  tag: {{dimension: dim_tag, missing: {tag}}}\n*/\nselect customer_id, \
              t1 as tag from staging.orders")),
            ("fact_visit", "kind: fact\ngrain: [visit_id]\nat: visited_on\ndimensions:\n  shop_id: dim_shop\n  promo: \
             {dimension: dim_promo, missing: infer}\n*/\nselect visit_id, shop_id, promo, visited_on from staging.visits".to_owned()),
            ("fact_shop", "kind: fact\ngrain: [shop_id]\ndimensions: {}\n*/\nselect shop_id, city from staging.shops".to_owned()),
            ("totals", "kind: table\n*/\nselect c.customer_id, c.city, sum(f.amount) as amount, sum(f.tip) as tip, \
             sum(f.amount - f.tip) as rest, round(avg(f.tip), 3) as mean, count(*) as orders from \
              datawarehouse.fact_order f join datawarehouse.dim_customer c on c.dim_customer_key = f.customer_id_key \
               group by c.customer_id, c.city".to_owned()),
            ("members", "kind: table\n*/\nselect customer_id, count(*) as versions from datawarehouse.dim_customer \
             group by customer_id".to_owned()),
            ("big", "kind: view\n*/\nselect order_id from datawarehouse.fact_order where amount > 50".to_owned()),
        ];
        for (name, mut text) in files {
            if let Some(most) = self.may_go.filter(|_| GUARDED.contains(&name)) {
                text = text.replacen("\n*/", &format!("\nguard: {{gone_at_most: {most}}}\n*/"), 1);
            }
            workdir.write(&format!("sql/pipeline/{name}.sql"), format!("/*\n{text}"))?;
        }
        Ok(())
    }
}

/// The tables, facts before the dimensions that they refer to.
pub const TABLES: [&str; 16] = [
    "members",
    "totals",
    "fact_line",
    "fact_shop",
    "fact_visit",
    "bridge_taste",
    "fact_word",
    "fact_tag",
    "fact_order",
    "dim_order",
    "dim_fee",
    "dim_promo",
    "dim_shop",
    "dim_day",
    "dim_tag",
    "dim_customer",
];

/// How files of a dataset come into staging, where a plugin has to say it.
pub fn plugins(workdir: &Workdir) -> anyhow::Result<()> {
    let plugin = |name: &str, mode: &str| {
        workdir.plugin(name, &format!("name: {name}\ncreator: us\nfiles: [{name}*.csv]\ntable: {name}\n{mode}\n"))
    };
    plugin("shops", "mode: upsert\nkey: [shop_id]")?;
    plugin("promos", "mode: replace\nduplicates: load")
}
