//! One attempt to load one input.

use sea_orm::entity::prelude::*;

/// The outcomes of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::None)")]
pub enum Status {
    /// Being loaded; seen by others only while the transaction that writes its rows is open on the same connection.
    #[sea_orm(string_value = "claimed")]
    Claimed,
    /// Its rows are in staging, committed together with this line.
    #[sea_orm(string_value = "loaded")]
    Loaded,
    /// The same content had been loaded into the same table before: no row was added.
    #[sea_orm(string_value = "duplicate")]
    Duplicate,
    /// Its rows were in staging until a later full file replaced them.
    #[sea_orm(string_value = "replaced")]
    Replaced,
    /// Its rows were in staging until they were retracted: the same content is new again.
    #[sea_orm(string_value = "retracted")]
    Retracted,
    /// Its rows were in staging until they were lost in another way, such as a table dropped or emptied by hand;
    /// `error` gives the evidence. The same content is new again. It needs a person until a later load makes it good.
    #[sea_orm(string_value = "lost")]
    Lost,
    /// None of it is in staging; `error` gives the reason.
    #[sea_orm(string_value = "failed")]
    Failed,
}

impl Status {
    /// All of them.
    pub const ALL: [Status; 7] = [
        Status::Claimed,
        Status::Loaded,
        Status::Duplicate,
        Status::Replaced,
        Status::Retracted,
        Status::Lost,
        Status::Failed,
    ];

    /// Returns the word in the table.
    pub fn word(self) -> String {
        self.to_value()
    }
}

/// A load.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "sluice", table_name = "load")]
pub struct Model {
    /// The number, from 1.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The name of the input in the folder.
    pub source: String,
    /// The staging table, without its schema.
    pub dataset: String,
    /// BLAKE3 of the parsed bytes, 64 hexadecimal digits; of a window, of its position; absent if the input could not be
    /// read.
    pub hash: Option<String>,
    /// The size of the input in bytes.
    pub bytes: Option<i64>,
    /// Records read, the header not counted; always `rows_loaded + rows_rejected + rows_duplicate + rows_filtered`.
    pub rows_read: i64,
    /// Rows in staging.
    pub rows_loaded: i64,
    /// Records that were refused.
    pub rows_rejected: i64,
    /// Records of a content that was loaded before.
    pub rows_duplicate: i64,
    /// Records that the plugin's filter leaves out.
    pub rows_filtered: i64,
    /// Loaded rows with fewer cells than the header, NULL in the rest.
    pub rows_padded: i64,
    /// Loaded rows with more cells than the header, kept in `_extra`.
    pub rows_extended: i64,
    /// How far it got.
    pub status: Status,
    /// The number of earlier loads of the same content into the same table.
    pub repeat: i64,
    /// The place of the input during its load: after a restart, it tells if that very load was committed.
    pub claim: Option<String>,
    /// The window of a stream that the input is, as JSON; absent for a file.
    pub position: Option<String>,
    /// The load that brought the same content first.
    pub duplicate_of: Option<i64>,
    /// Of a lost load, the later one that stands for it: it brought the same content again, or the whole of the table.
    pub made_good_by: Option<i64>,
    /// The dialect or layout of the input, as JSON.
    pub dialect: Option<String>,
    /// The columns of the input, as JSON: name, header, type.
    pub columns: Option<String>,
    /// The time at which it began.
    pub started_at: DateTimeUtc,
    /// The time at which it ended.
    pub finished_at: Option<DateTimeUtc>,
    /// What went wrong, in words.
    pub error: Option<String>,
}

/// It refers to no other entity.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
