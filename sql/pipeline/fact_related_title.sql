/*
kind: fact
grain: [title, related_title]
unpivot: {into: related_title, columns: [column_12..column_21]}
distinct: true
dimensions:
  title: dim_title
  related_title: {dimension: dim_title, missing: infer}   # most of them have no line of their own
*/
-- The file has ten columns of related titles: one row for each title and related title.
select trim(title) as title,
    column_12, column_13, column_14, column_15, column_16, column_17, column_18, column_19, column_20, column_21
from staging."2019_free_title_data"
where trim(title) <> ''
