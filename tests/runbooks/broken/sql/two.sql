-- asks: what?
-- level: warning
-- remedy: none
select 1;
select 2;
