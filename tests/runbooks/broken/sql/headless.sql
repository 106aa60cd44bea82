select 'x' as subject, 'y' as detail
