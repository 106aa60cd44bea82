create or replace function public.handle_new_user() returns trigger language plpgsql security definer set search_path = ''
as $$ begin
    insert into public.profiles (id) values (new.id);
    perform pgmq.send('welcome', jsonb_build_object('id', new.id));
    return new;
end $$;
