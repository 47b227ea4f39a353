/*
title: Years gained
description: How much life expectancy has changed from the first year to the last one, and its lowest year.
chart: {type: bar, x: country, y: gained}
*/
with life as (
    select
        region.region,
        country.country,
        year.year,
        fact.value,
        row_number() over (partition by country.country order by year.year) as from_first,
        row_number() over (partition by country.country order by year.year desc) as from_last,
        row_number() over (partition by country.country order by fact.value, year.year) as from_lowest
    from datawarehouse.fact_life_expectancy as fact
    join datawarehouse.dim_country as country on country.dim_country_key = fact.country_key
    join datawarehouse.dim_region as region on region.dim_region_key = fact.region_key
    join datawarehouse.dim_sex as sex on sex.dim_sex_key = fact.sex_key
    join datawarehouse.dim_year as year on year.dim_year_key = fact.year_key
    where sex.sex_code = 'SEX_BTSX'
),
ends as (
    select
        max(region) as region,
        country,
        min(year) as first_year,
        max(case when from_first = 1 then value end) as first_value,
        max(case when from_lowest = 1 then year end) as lowest_year,
        min(value) as lowest_value,
        max(year) as last_year,
        max(case when from_last = 1 then value end) as last_value
    from life
    group by country
)
select
    region,
    country,
    first_year,
    round(first_value, 1) as at_first,
    lowest_year,
    round(lowest_value, 1) as lowest,
    last_year,
    round(last_value, 1) as at_last,
    round(last_value - first_value, 1) as gained
from ends
order by gained desc, country
