/*
kind: fact
grain: [title, skill]
unpivot: {into: skill, columns: [top_related_titles..column_11]}
distinct: true
dimensions:
  title: dim_title
  skill: dim_skill
*/
-- The file has nine columns of skills: one row for each title and skill.
select trim(title) as title,
    top_related_titles, column_4, column_5, column_6, column_7, column_8, column_9, column_10, column_11
from staging."2019_free_title_data"
where trim(title) <> ''
