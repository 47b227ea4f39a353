/*
kind: dimension
key: [title]
*/
-- Every title that has a line of its own; one that is only named as related to another is a member that fact_related_title makes.
-- Where a title has several lines, the largest count is taken.
select trim(title) as title, max(pdl_count) as pdl_count
from staging."2019_free_title_data"
where trim(title) <> ''
group by trim(title)
