/*
title: Titles by the people who have them
description: |
  Every title with a count, the most frequent ones first.

  Titles without a count are left out; they are only named as related to others.
chart: {type: bar, x: title, y: pdl_count}
exports: [csv, parquet, xlsx]
*/
select title, pdl_count
from datawarehouse.dim_title
where pdl_count is not null
order by pdl_count desc, title
