create policy "members hear their room" on realtime.messages for select to authenticated
    using (realtime.topic() like 'room:%');

create function public.broadcast_message() returns trigger language plpgsql security definer set search_path = '' as $$
begin
    perform realtime.broadcast_changes('room:' || new.id::text, tg_op, tg_op, tg_table_name, tg_table_schema, new, old);
    return null;
end $$;
create trigger broadcast_message after insert on public.messages for each row execute function public.broadcast_message();
