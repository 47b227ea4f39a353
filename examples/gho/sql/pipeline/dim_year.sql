/*
kind: dimension
key: [year]
*/
select distinct timedim as year, timedim - timedim % 10 as decade
from staging.gho_life_expectancy
where timedimtype = 'YEAR'
