<?php
// Lets the tests' WordPress look at pages on loopback, send no mail, name another address for its uploads, and switch what
// some recordings need.
add_filter('http_request_host_is_external', function ($external, $host) { return $host === '127.0.0.1' ? true : $external; }, 10, 2);
add_filter('http_allowed_safe_ports', function ($ports) {
	$port = (int) get_option('bed_source_port');
	return $port ? array_merge($ports, [$port]) : $ports;
});
add_filter('pre_wp_mail', '__return_true');
if (get_option('bed_anonymous_comments')) add_filter('xmlrpc_allow_anonymous_comments', '__return_true');
if (get_option('bed_pingback_fault_codes')) remove_filter('xmlrpc_pingback_error', 'xmlrpc_pingback_error');
if ($files = get_option('bed_files')) {
	add_filter('wp_get_attachment_url', fn($url) => preg_replace('#^https?://[^/]+/wp-content/uploads#', $files, $url), 99);
}
