/*
title: Women outlive men
description: By how many years the life expectancy of girls is above that of boys.
chart: {type: line, x: year, y: difference, series: country}
*/
select
    year.year,
    country.country,
    round(women.value, 1) as women,
    round(men.value, 1) as men,
    round(women.value - men.value, 1) as difference
from datawarehouse.fact_life_expectancy as women
join datawarehouse.fact_life_expectancy as men on men.country_key = women.country_key and men.year_key = women.year_key
join datawarehouse.dim_sex as of_women on of_women.dim_sex_key = women.sex_key and of_women.sex_code = 'SEX_FMLE'
join datawarehouse.dim_sex as of_men on of_men.dim_sex_key = men.sex_key and of_men.sex_code = 'SEX_MLE'
join datawarehouse.dim_country as country on country.dim_country_key = women.country_key
join datawarehouse.dim_year as year on year.dim_year_key = women.year_key
order by country.country, year.year
