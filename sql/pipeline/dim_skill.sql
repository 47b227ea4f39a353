/*
kind: dimension
key: [skill]
*/
select distinct trim(skill) as skill
from (
    select top_related_titles as skill from staging."2019_free_title_data"
    union all select column_4 from staging."2019_free_title_data"
    union all select column_5 from staging."2019_free_title_data"
    union all select column_6 from staging."2019_free_title_data"
    union all select column_7 from staging."2019_free_title_data"
    union all select column_8 from staging."2019_free_title_data"
    union all select column_9 from staging."2019_free_title_data"
    union all select column_10 from staging."2019_free_title_data"
    union all select column_11 from staging."2019_free_title_data"
) as named
where trim(skill) <> ''
