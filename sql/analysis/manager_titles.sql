/*
title: Reach of the titles around "manager"
description: How many people have, on average, a title that names manager as related.
exports: [csv, xlsx]
*/
select round(avg(title.pdl_count)) as average_pdl_count
from datawarehouse.fact_related_title as related
join datawarehouse.dim_title as title on title.dim_title_key = related.title_key
join datawarehouse.dim_title as other on other.dim_title_key = related.related_title_key
where other.title = 'manager'
