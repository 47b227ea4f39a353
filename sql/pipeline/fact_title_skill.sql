/*
kind: fact
grain: [title, skill]
dimensions:
  title: dim_title
  skill: dim_skill
*/
-- The file has nine columns of skills: one row for each title and skill.
select distinct trim(title) as title, trim(skill) as skill
from (
    select title, top_related_titles as skill from staging."2019_free_title_data"
    union all select title, column_4 from staging."2019_free_title_data"
    union all select title, column_5 from staging."2019_free_title_data"
    union all select title, column_6 from staging."2019_free_title_data"
    union all select title, column_7 from staging."2019_free_title_data"
    union all select title, column_8 from staging."2019_free_title_data"
    union all select title, column_9 from staging."2019_free_title_data"
    union all select title, column_10 from staging."2019_free_title_data"
    union all select title, column_11 from staging."2019_free_title_data"
) as pairs
where trim(title) <> '' and trim(skill) <> ''
