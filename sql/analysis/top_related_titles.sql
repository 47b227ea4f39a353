/*
title: Titles with the most related titles
description: The ten titles that name the most others as related; ties by name.
chart: bar
exports: [csv, json]
*/
select title.title, count(*) as related_titles
from datawarehouse.fact_related_title as related
join datawarehouse.dim_title as title on title.dim_title_key = related.title_key
group by title.title
order by related_titles desc, title.title
limit 10
