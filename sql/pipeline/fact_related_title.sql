/*
kind: fact
grain: [title, related_title]
dimensions:
  title: dim_title
  related_title: dim_title
*/
-- The file has ten columns of related titles: one row for each title and related title.
select distinct trim(title) as title, trim(related_title) as related_title
from (
    select title, column_12 as related_title from staging."2019_free_title_data"
    union all select title, column_13 from staging."2019_free_title_data"
    union all select title, column_14 from staging."2019_free_title_data"
    union all select title, column_15 from staging."2019_free_title_data"
    union all select title, column_16 from staging."2019_free_title_data"
    union all select title, column_17 from staging."2019_free_title_data"
    union all select title, column_18 from staging."2019_free_title_data"
    union all select title, column_19 from staging."2019_free_title_data"
    union all select title, column_20 from staging."2019_free_title_data"
    union all select title, column_21 from staging."2019_free_title_data"
) as pairs
where trim(title) <> '' and trim(related_title) <> ''
