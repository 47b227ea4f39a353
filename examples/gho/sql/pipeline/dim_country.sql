/*
kind: dimension
key: [country_code]
at: _load_id
unknown: {country: unknown}
checks:
  not_null: [country]
*/
select
    spatialdim as country_code,
    case spatialdim
        when 'BWA' then 'Botswana'
        when 'LSO' then 'Lesotho'
        when 'MOZ' then 'Mozambique'
        when 'NAM' then 'Namibia'
        when 'ZAF' then 'South Africa'
        when 'ZWE' then 'Zimbabwe'
        else spatialdim
    end as country
from staging.gho_life_expectancy
where spatialdimtype = 'COUNTRY'
