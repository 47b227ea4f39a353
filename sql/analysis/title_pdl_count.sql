-- Titles by the number of people who have them.
select title, pdl_count
from datawarehouse.dim_title
where pdl_count is not null
order by pdl_count desc, title
