/*
kind: dimension
key: [sex_code]
unknown: {sex: unknown}
*/
select distinct
    dim1 as sex_code,
    case dim1 when 'SEX_FMLE' then 'female' when 'SEX_MLE' then 'male' when 'SEX_BTSX' then 'both' else dim1 end as sex
from staging.gho_life_expectancy
where dim1type = 'SEX' and dim1 is not null
