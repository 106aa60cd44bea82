insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values ('documents', 'documents', false, 5242880, array['application/pdf'])
on conflict (id) do update set file_size_limit = excluded.file_size_limit;

do $$
begin
    if not exists (
        select 1 from pg_policies
        where schemaname = 'storage' and tablename = 'objects' and policyname = 'own folder'
    ) then
        create policy "own folder" on storage.objects for all to authenticated
            using (bucket_id = 'documents' and (select auth.uid())::text = (storage.foldername(name))[1]);
    end if;
exception
    when duplicate_object then null;
end $$;

drop policy if exists "Anyone can upload an avatar." on storage.objects;
create policy "Signed in people upload" on storage.objects for insert to authenticated
    with check (bucket_id = 'avatars' and storage.extension(name) in ('png', 'jpg'));
