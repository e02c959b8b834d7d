-- Database nodes may use the messages and bookings of the account, too. After install() has made its tables.
SELECT automations.allow_table('public.messages', 'user_id');
SELECT automations.allow_table('public.bookings', 'user_id');
