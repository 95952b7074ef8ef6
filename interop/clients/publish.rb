#!/usr/bin/env ruby
# Publishes, edits, lists and deletes posts with Ruby's xmlrpc library (Debian: ruby-xmlrpc).
#
# Reads from the environment: QG_URL, QG_IMAGE (a PNG file), and either QG_PUBLIC and QG_SECRET (signed calls) or QG_USER
# and QG_PASSWORD. The last line is "ok" when everything was as it should be.
require 'digest'
require 'net/http'
require 'xmlrpc/client'

PUBLIC = ENV['QG_PUBLIC'].to_s
SECRET = ENV['QG_SECRET'].to_s
USER, PASSWORD = PUBLIC.empty? ? [ENV.fetch('QG_USER'), ENV.fetch('QG_PASSWORD')] : ['', '']

# Signs the body of each call.
class SigningClient < XMLRPC::Client
  private

  def do_rpc(request, async = false)
    unless PUBLIC.empty?
      body = request.dup.force_encoding('BINARY')
      inner = Digest::SHA256.hexdigest(SECRET.b + body)
      self.http_header_extra = { 'authorization' => PUBLIC + '||' + Digest::SHA256.hexdigest(SECRET + inner) }
    end
    super
  end
end

def check(what, got, want)
  abort "#{what}: got #{got.inspect}, want #{want.inspect}" unless got == want
end

server = SigningClient.new2(ENV.fetch('QG_URL'))
check 'greeting', server.call('demo.sayHello'), 'Hello!'
# All arguments in one array, as rubypress sends them.
check 'blogs', server.call('wp.getUsersBlogs', [USER, PASSWORD]).length, 1

picture = File.binread(ENV.fetch('QG_IMAGE'))
media = server.call('wp.uploadFile', 1, USER, PASSWORD,
                    { 'name' => 'ruby.png', 'type' => 'image/png', 'bits' => XMLRPC::Base64.new(picture) })
check 'picture as fetched', Net::HTTP.get(URI(media['url'])).b, picture

title = 'Ångström, 世界 🚀 & <i>more</i>'
date = XMLRPC::DateTime.new(2024, 2, 29, 13, 14, 15)
post = server.call('wp.newPost', 1, USER, PASSWORD, {
  'post_title' => title, 'post_content' => "Zeile\nline & <p>\"quoted\"</p>", 'post_status' => 'publish', 'post_date' => date,
  'terms_names' => { 'post_tag' => %w[Käse 日本] }, 'post_thumbnail' => media['id'],
  'custom_fields' => [{ 'key' => 'mood', 'value' => 'très content' }]
})
got = server.call('wp.getPost', 1, USER, PASSWORD, post, %w[post terms custom_fields])
check 'title', got['post_title'].force_encoding('UTF-8'), title
check 'date', got['post_date'].to_a, [2024, 2, 29, 13, 14, 15]
check 'tags', got['terms'].map { |t| t['name'].force_encoding('UTF-8') if t['taxonomy'] == 'post_tag' }.compact.sort, %w[Käse 日本].sort
check 'picture', got['post_thumbnail']['attachment_id'], media['id']
check 'custom field', got['custom_fields'][0]['value'].force_encoding('UTF-8'), 'très content'
check 'fields: none', server.call('wp.getPost', 1, USER, PASSWORD, post, []).keys, ['post_id']

check 'edit', server.call('wp.editPost', 1, USER, PASSWORD, post, { 'post_title' => 'Bearbeitet ✎' }), true
listed = server.call('wp.getPosts', 1, USER, PASSWORD, { 'number' => 5, 's' => 'Bearbeitet' }, %w[post_id])
check 'listed', listed.map { |p| p['post_id'] }, [post]
check 'trash', server.call('wp.deletePost', 1, USER, PASSWORD, post), true
check 'delete', server.call('wp.deletePost', 1, USER, PASSWORD, post), true
ok, fault = server.call2('wp.deletePost', 1, USER, PASSWORD, post)
check 'a deleted post', [ok, fault.faultCode], [false, 404]
if PUBLIC.empty?
  ok, fault = server.call2('wp.getProfile', 1, USER, PASSWORD + 'x')
  check 'a wrong password', [ok, fault.faultCode], [false, 403]
end
puts 'ok'
