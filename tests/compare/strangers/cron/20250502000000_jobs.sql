do $do$
begin
    if exists (select 1 from cron.job where jobname = 'nightly-cleanup') then
        perform cron.unschedule('nightly-cleanup');
    end if;
    perform cron.schedule('hourly', '7 * * * *', 'select 1');
    if exists (select 1 from pg_extension where extname = 'pg_cron') then
        create extension if not exists pg_net;
    end if;
end
$do$;
