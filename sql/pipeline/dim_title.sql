/*
kind: dimension
key: [title]
*/
-- Every title that has a line of its own or is named as related to one. Where a title has several lines, the largest count.
select title, max(pdl_count) as pdl_count
from (
    select trim(title) as title, pdl_count from staging."2019_free_title_data"
    union all select trim(column_12), null from staging."2019_free_title_data"
    union all select trim(column_13), null from staging."2019_free_title_data"
    union all select trim(column_14), null from staging."2019_free_title_data"
    union all select trim(column_15), null from staging."2019_free_title_data"
    union all select trim(column_16), null from staging."2019_free_title_data"
    union all select trim(column_17), null from staging."2019_free_title_data"
    union all select trim(column_18), null from staging."2019_free_title_data"
    union all select trim(column_19), null from staging."2019_free_title_data"
    union all select trim(column_20), null from staging."2019_free_title_data"
    union all select trim(column_21), null from staging."2019_free_title_data"
) as named
where title <> ''
group by title
