/*
title: Life expectancy at birth
description: |
  How many years a child lives that is born in a year, girls and boys together, if the deaths of that year go on.
  Low and high are the bounds that the WHO gives.

  The low points in the 2000s are those of AIDS; 2020 and 2021 have the deaths of COVID-19.
chart: {type: line, x: year, y: life_expectancy, series: country}
*/
select
    year.year,
    country.country,
    round(fact.value, 1) as life_expectancy,
    round(fact.low, 1) as low,
    round(fact.high, 1) as high
from datawarehouse.fact_life_expectancy as fact
join datawarehouse.dim_country as country on country.dim_country_key = fact.country_key
join datawarehouse.dim_sex as sex on sex.dim_sex_key = fact.sex_key
join datawarehouse.dim_year as year on year.dim_year_key = fact.year_key
where sex.sex_code = 'SEX_BTSX'
order by country.country, year.year
