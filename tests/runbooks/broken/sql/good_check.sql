-- asks: what?
-- level: warning
-- remedy: none
select 'x' as subject, 'y' as detail where false
