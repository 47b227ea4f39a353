-- The star by hand: what somebody who knows SQLite would write for the same tables.
pragma synchronous = full;
begin;

create table hand__dim_part (part_key integer primary key, p_partkey bigint, p_name text, p_brand text, p_type text,
    p_size bigint);
insert into hand__dim_part (part_key) values (0);
insert into hand__dim_part
select row_number() over (order by p_partkey), p_partkey, p_name, p_brand, p_type, p_size from staging__part;
create unique index hand__part on hand__dim_part (p_partkey);

create table hand__dim_supplier (supplier_key integer primary key, s_suppkey bigint, s_name text, s_acctbal real);
insert into hand__dim_supplier (supplier_key) values (0);
insert into hand__dim_supplier
select row_number() over (order by s_suppkey), s_suppkey, s_name, s_acctbal from staging__supplier;
create unique index hand__supplier on hand__dim_supplier (s_suppkey);

create table hand__dim_mode (mode_key integer primary key, mode text, is_fast boolean);
insert into hand__dim_mode (mode_key) values (0);
insert into hand__dim_mode select row_number() over (order by mode), mode, is_fast from staging__mode;
create unique index hand__mode on hand__dim_mode (mode);

create table hand__dim_date (date_key integer primary key, date date, year bigint, month bigint);
insert into hand__dim_date (date_key) values (0);
with recursive days(day) as (
    select '1992-01-01' union all select date(day, '+1 day') from days where day < '1998-12-31'
)
insert into hand__dim_date
select cast(replace(day, '-', '') as integer), day, cast(substr(day, 1, 4) as integer), cast(substr(day, 6, 2) as integer)
from days;
create unique index hand__date on hand__dim_date (date);

create table hand__fact_line (l_orderkey bigint not null, l_linenumber bigint not null,
    part_key bigint not null references hand__dim_part, supplier_key bigint not null references hand__dim_supplier,
    mode_key bigint not null references hand__dim_mode, ship_date_key bigint not null references hand__dim_date,
    l_quantity bigint, l_extendedprice text, l_discount text, l_tax text, _load_id bigint, _line bigint);
insert into hand__fact_line
select l.l_orderkey, l.l_linenumber, coalesce(p.part_key, 0), coalesce(s.supplier_key, 0), coalesce(m.mode_key, 0),
    coalesce(d.date_key, 0), l.l_quantity, l.l_extendedprice, l.l_discount, l.l_tax, l._load_id, l._line
from staging__lineitem l
left join hand__dim_part p on p.p_partkey = l.l_partkey
left join hand__dim_supplier s on s.s_suppkey = l.l_suppkey
left join hand__dim_mode m on m.mode = l.l_shipmode
left join hand__dim_date d on d.date = l.l_shipdate;
create unique index hand__fact_grain on hand__fact_line (l_orderkey, l_linenumber);
create index hand__fact_part on hand__fact_line (part_key);
create index hand__fact_supplier on hand__fact_line (supplier_key);
create index hand__fact_mode on hand__fact_line (mode_key);
create index hand__fact_date on hand__fact_line (ship_date_key);
commit;
