<?php
// Installs a WordPress without a browser and fills it with the seed of the recordings: php install.php FOLDER SEED. It prints
// an application password for each person of the seed, as JSON.
error_reporting(E_ALL & ~E_DEPRECATED);
[, $folder, $file] = $argv;
define('WP_INSTALLING', true);
$_SERVER += ['HTTP_HOST' => 'localhost', 'SERVER_NAME' => 'localhost', 'REQUEST_URI' => '/', 'REMOTE_ADDR' => '127.0.0.1', 'SERVER_PROTOCOL' => 'HTTP/1.1', 'HTTPS' => 'on'];
require "$folder/wp-load.php";
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
require_once ABSPATH . 'wp-admin/includes/image.php';
require_once ABSPATH . 'wp-admin/includes/file.php';
$seed = json_decode(file_get_contents($file), true);

wp_install('Blog', 'admin', 'admin@example.org', true, '', 'admin-pass-1234');
wp_cache_flush();
foreach (['posts', 'postmeta', 'comments', 'commentmeta', 'terms', 'term_taxonomy', 'term_relationships', 'termmeta', 'users', 'usermeta'] as $table) {
	$wpdb->query("TRUNCATE {$wpdb->prefix}$table");
}
wp_cache_flush();
$options = ['blog_title' => 'blogname', 'blog_tagline' => 'blogdescription'];
foreach ($seed['options'] as $name => $value) update_option($options[$name] ?? $name, $value);
foreach (['wp_page_for_privacy_policy' => 0, 'template' => 'twentytwentythree', 'stylesheet' => 'twentytwentythree'] as $name => $value) update_option($name, $value);

// insert writes a row under the names of the seed: column => name.
function insert($table, $columns, $row, $more = []) {
	global $wpdb;
	foreach ($columns as $column => $name) $more[$column] = $row[$name];
	if (!$wpdb->insert($wpdb->prefix . $table, $more)) exit("$table: $wpdb->last_error\n");
}

$passwords = [];
foreach ($seed['users'] as $u) {
	insert('users', ['ID' => 'id', 'user_login' => 'login', 'user_nicename' => 'nicename', 'user_email' => 'email', 'user_url' => 'url', 'user_registered' => 'registered_gmt', 'display_name' => 'display_name'],
		$u, ['user_pass' => wp_hash_password($u['password'])]);
	$meta = ['nickname' => $u['nickname'], 'first_name' => $u['first_name'], 'last_name' => $u['last_name'], 'description' => $u['bio'], 'rich_editing' => 'true',
		'syntax_highlighting' => 'true', 'comment_shortcuts' => 'false', 'admin_color' => 'fresh', 'use_ssl' => 0, 'show_admin_bar_front' => 'true', 'locale' => ''];
	foreach ($meta as $name => $value) update_user_meta($u['id'], $name, wp_slash($value));
	(new WP_User($u['id']))->set_role($u['role']);
	[$passwords[$u['login']]] = WP_Application_Passwords::create_new_application_password($u['id'], ['name' => 'of the tests']);
	foreach ($u['application_passwords'] ?? [] as $p) {
		$list = get_user_meta($u['id'], '_application_passwords', true);
		$list[] = ['uuid' => $p['uuid'], 'app_id' => '', 'name' => $p['name'], 'password' => wp_hash_password(preg_replace('/[^a-z\d]/i', '', $p['password'])), 'created' => 1700000000, 'last_used' => null, 'last_ip' => null];
		update_user_meta($u['id'], '_application_passwords', $list);
	}
}
foreach ($seed['terms'] as $t) {
	insert('terms', ['term_id' => 'term_id', 'name' => 'name', 'slug' => 'slug'], $t);
	insert('term_taxonomy', ['term_taxonomy_id' => 'term_taxonomy_id', 'term_id' => 'term_id', 'taxonomy' => 'taxonomy', 'description' => 'description', 'parent' => 'parent', 'count' => 'count'], $t + ['count' => 0]);
	foreach ($t['meta'] as $m) insert('termmeta', ['meta_id' => 'id', 'meta_key' => 'key', 'meta_value' => 'value'], $m, ['term_id' => $t['term_id']]);
}
$sticky = [];
foreach ($seed['posts'] as $p) {
	$guid = home_url('/?p=' . $p['id']);
	if ($p['type'] === 'page') $guid = home_url('/?page_id=' . $p['id']);
	if ($p['type'] === 'attachment') $guid = home_url('/wp-content/uploads/' . $p['file']);
	insert('posts', ['ID' => 'id', 'post_author' => 'author', 'post_date' => 'date', 'post_date_gmt' => 'date_gmt', 'post_content' => 'content', 'post_title' => 'title', 'post_excerpt' => 'excerpt',
		'post_status' => 'status', 'comment_status' => 'comment_status', 'ping_status' => 'ping_status', 'post_password' => 'password', 'post_name' => 'name', 'post_modified' => 'modified',
		'post_modified_gmt' => 'modified_gmt', 'post_parent' => 'parent', 'menu_order' => 'menu_order', 'post_type' => 'type', 'post_mime_type' => 'mime_type'],
		$p, ['guid' => $guid, 'to_ping' => '', 'pinged' => '', 'post_content_filtered' => '']);
	foreach ($p['terms'] as $term) insert('term_relationships', ['object_id' => 'id'], $p, ['term_taxonomy_id' => $term]);
	foreach ($p['meta'] as $m) insert('postmeta', ['meta_id' => 'id', 'meta_key' => 'key', 'meta_value' => 'value'], $m, ['post_id' => $p['id']]);
	if ($p['sticky']) $sticky[] = $p['id'];
}
update_option('sticky_posts', $sticky);
// What is made in between gets ids above those of the seed.
$ids = function () use ($wpdb) {
	foreach (['posts', 'comments', 'users', 'terms', 'term_taxonomy', 'postmeta', 'termmeta', 'commentmeta'] as $table) $wpdb->query("ALTER TABLE {$wpdb->prefix}$table AUTO_INCREMENT=100");
};
$ids();
$approved = ['approve' => '1', 'hold' => '0'];
foreach ($seed['comments'] as $c) {
	insert('comments', ['comment_ID' => 'id', 'comment_post_ID' => 'post', 'comment_author' => 'author', 'comment_author_email' => 'email', 'comment_author_url' => 'url', 'comment_author_IP' => 'ip',
		'comment_date' => 'date', 'comment_date_gmt' => 'date_gmt', 'comment_content' => 'content', 'comment_type' => 'type', 'comment_parent' => 'parent', 'user_id' => 'user_id'],
		$c, ['comment_approved' => $approved[$c['status']] ?? $c['status'], 'comment_agent' => 'seed']);
	if ($c['status'] === 'trash') {
		add_comment_meta($c['id'], '_wp_trash_meta_status', '1');
		add_comment_meta($c['id'], '_wp_trash_meta_time', '1707200000');
	}
}
foreach ($seed['posts'] as $p) wp_update_comment_count_now($p['id']);
wp_cache_flush();
foreach (['category', 'post_tag', 'post_format'] as $taxonomy) {
	wp_update_term_count_now($wpdb->get_col($wpdb->prepare("SELECT term_taxonomy_id FROM $wpdb->term_taxonomy WHERE taxonomy = %s", $taxonomy)), $taxonomy);
}
foreach ($seed['posts'] as $p) {
	if ($p['type'] !== 'attachment') continue;
	$path = WP_CONTENT_DIR . '/uploads/' . $p['file'];
	wp_mkdir_p(dirname($path));
	$picture = imagecreatetruecolor(400, 300);
	imagefilledrectangle($picture, 0, 0, 399, 299, imagecolorallocate($picture, 40, 90, 160));
	imagepng($picture, $path);
	update_post_meta($p['id'], '_wp_attached_file', $p['file']);
	wp_update_attachment_metadata($p['id'], wp_generate_attachment_metadata($p['id'], $path));
}
$ids();
delete_option('rewrite_rules');
echo json_encode($passwords);
