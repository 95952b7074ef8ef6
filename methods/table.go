package methods

//go:generate go test -run ^TestReference$ -update .

// The rights that methods ask for; see Method.Rights. A key that may write may
// also read what it writes, so that the first refresh of a client works.
var (
	posts    = []string{"read", "draft", "publish"}
	files    = []string{"read", "media"}
	talk     = []string{"read", "comments"}
	people   = []string{"read", "users"}
	settings = []string{"read", "draft", "publish", "media", "options"}
	write    = []string{"draft", "publish"} // the status of the post decides which of them
	publish  = []string{"publish"}
	media    = []string{"media"}
	comments = []string{"comments"}
	users    = []string{"users"}
	options  = []string{"options"}
)

// table has one row for each method. A new method needs a row here and a
// function in package wordpress.
var table = complete([]Method{
	// Users.
	{Name: "wp.getUsersBlogs", shape: "user:string password:string → array", Min: 2, Effect: Reads, Help: "Returns the blogs that the caller may write to."},
	{Name: "wp.getUser", shape: "blog:int user:string password:string user_id:int [fields:array → struct", Min: 4, Rights: people, Effect: Reads, Help: "Returns one user."},
	{Name: "wp.getUsers", shape: "blog:int user:string password:string [filter:struct [fields:array → array", Min: 3, Rights: people, Effect: Reads, Help: "Returns the users that match a filter."},
	{Name: "wp.getProfile", shape: "blog:int user:string password:string [fields:array → struct", Min: 3, Rights: people, Effect: Reads, Help: "Returns the caller's own profile."},
	{Name: "wp.editProfile", shape: "blog:int user:string password:string content:struct → boolean", Min: 4, Rights: users, Effect: Changes, Help: "Changes the caller's own profile."},
	{Name: "wp.getAuthors", shape: "blog:int user:string password:string → array", Rights: posts, Effect: Reads, Help: "Returns the users who may write posts."},
	// Posts of every type.
	{Name: "wp.newPost", shape: "blog:int user:string password:string content:struct → string", Min: 4, Rights: write, Effect: Creates, Help: "Creates a post of any type and returns its id."},
	{Name: "wp.editPost", shape: "blog:int user:string password:string post_id:int content:struct → boolean", Min: 5, Rights: write, Effect: Changes, Help: "Changes the given members of a post."},
	{Name: "wp.deletePost", shape: "blog:int user:string password:string post_id:int → boolean", Min: 4, Rights: write, Effect: Changes, Help: "Moves a post to the trash, or deletes it if it is already there."},
	{Name: "wp.getPost", shape: "blog:int user:string password:string post_id:int [fields:array → struct", Min: 4, Rights: posts, Effect: Reads, Help: "Returns one post."},
	{Name: "wp.getPosts", shape: "blog:int user:string password:string [filter:struct [fields:array → array", Min: 3, Rights: posts, Effect: Reads, Help: "Returns the posts that match a filter."},
	{Name: "wp.getRevisions", shape: "blog:int user:string password:string post_id:int [fields:array → array", Min: 4, Rights: posts, Effect: Reads, Help: "Returns the revisions of a post."},
	{Name: "wp.restoreRevision", shape: "blog:int user:string password:string revision_id:int → boolean", Min: 3, Rights: write, Effect: Changes, Help: "Restores a post to a revision."},
	{Name: "wp.getPostFormats", shape: "blog:int user:string password:string [filter:struct → struct", Min: 3, Rights: posts, Effect: Reads, Help: "Returns the post formats and their names."},
	{Name: "wp.getPostType", shape: "blog:int user:string password:string post_type:string [fields:array → struct", Min: 4, Rights: posts, Effect: Reads, Help: "Returns one post type."},
	{Name: "wp.getPostTypes", shape: "blog:int user:string password:string [filter:struct [fields:array → struct", Min: 3, Rights: posts, Effect: Reads, Help: "Returns the post types that match a filter."},
	{Name: "wp.getPostStatusList", shape: "blog:int user:string password:string → struct", Rights: posts, Effect: Reads, Help: "Returns the statuses a post may have."},
	// Terms.
	{Name: "wp.newTerm", shape: "blog:int user:string password:string content:struct → string", Min: 4, Rights: publish, Effect: Creates, Help: "Creates a term and returns its id."},
	{Name: "wp.editTerm", shape: "blog:int user:string password:string term_id:int content:struct → boolean", Min: 5, Rights: publish, Effect: Changes, Help: "Changes a term."},
	{Name: "wp.deleteTerm", shape: "blog:int user:string password:string taxonomy:string term_id:int → boolean", Min: 5, Rights: publish, Effect: Changes, Help: "Deletes a term."},
	{Name: "wp.getTerm", shape: "blog:int user:string password:string taxonomy:string term_id:int → struct", Min: 5, Rights: posts, Effect: Reads, Help: "Returns one term."},
	{Name: "wp.getTerms", shape: "blog:int user:string password:string taxonomy:string [filter:struct → array", Min: 4, Rights: posts, Effect: Reads, Help: "Returns the terms of a taxonomy that match a filter."},
	{Name: "wp.getTaxonomy", shape: "blog:int user:string password:string taxonomy:string [fields:array → struct", Min: 4, Rights: posts, Effect: Reads, Help: "Returns one taxonomy."},
	{Name: "wp.getTaxonomies", shape: "blog:int user:string password:string [filter:struct [fields:array → array", Min: 3, Rights: posts, Effect: Reads, Help: "Returns the taxonomies."},
	{Name: "wp.getTags", shape: "blog:int user:string password:string → array", Rights: posts, Effect: Reads, Help: "Returns the tags that posts use."},
	{Name: "wp.newCategory", shape: "blog:int user:string password:string content:struct → int", Rights: publish, Effect: Creates, Help: "Creates a category and returns its id."},
	{Name: "wp.deleteCategory", shape: "blog:int user:string password:string category_id:int → boolean", Rights: publish, Effect: Changes, Help: "Deletes a category."},
	{Name: "wp.suggestCategories", shape: "blog:int user:string password:string text:string number:int → array", Rights: posts, Effect: Reads, Help: "Returns the categories whose names contain a text."},
	// Pages.
	{Name: "wp.getPage", shape: "blog:int page_id:int user:string password:string → struct", Rights: posts, Effect: Reads, Help: "Returns one page."},
	{Name: "wp.getPages", shape: "blog:int user:string password:string [number:int → array", Rights: posts, Effect: Reads, Help: "Returns the newest pages."},
	{Name: "wp.newPage", shape: "blog:int user:string password:string content:struct [publish:boolean → string", Rights: write, Effect: Creates, Help: "Creates a page and returns its id."},
	{Name: "wp.editPage", shape: "blog:int page_id:int user:string password:string content:struct [publish:boolean → boolean", Rights: write, Effect: Changes, Help: "Changes a page."},
	{Name: "wp.deletePage", shape: "blog:int user:string password:string page_id:int → boolean", Rights: write, Effect: Changes, Help: "Deletes a page."},
	{Name: "wp.getPageList", shape: "blog:int user:string password:string → array", Rights: posts, Effect: Reads, Help: "Returns all pages with title, parent and date."},
	{Name: "wp.getPageStatusList", shape: "blog:int user:string password:string → struct", Rights: posts, Effect: Reads, Help: "Returns the statuses a page may have."},
	{Name: "wp.getPageTemplates", shape: "blog:int user:string password:string → struct", Rights: posts, Effect: Reads, Help: "Returns the page templates of the theme."},
	// Comments.
	{Name: "wp.getComment", shape: "blog:int user:string password:string comment_id:int → struct", Rights: talk, Effect: Reads, Help: "Returns one comment."},
	{Name: "wp.getComments", shape: "blog:int user:string password:string [filter:struct → array", Rights: talk, Effect: Reads, Help: "Returns the comments that match a filter."},
	{Name: "wp.deleteComment", shape: "blog:int user:string password:string comment_id:int → boolean", Rights: comments, Effect: Changes, Help: "Moves a comment to the trash, or deletes it if it is already there."},
	{Name: "wp.editComment", shape: "blog:int user:string password:string comment_id:int content:struct → boolean", Rights: comments, Effect: Changes, Help: "Changes a comment."},
	{Name: "wp.newComment", shape: "blog:int user:string password:string post_id:int content:struct → int", SignIn: Optional, Rights: comments, Effect: Creates, Help: "Adds a comment to a post and returns its id."},
	{Name: "wp.getCommentStatusList", shape: "blog:int user:string password:string → struct", Rights: talk, Effect: Reads, Help: "Returns the statuses a comment may have."},
	{Name: "wp.getCommentCount", shape: "blog:int user:string password:string post_id:int → struct", Rights: talk, Effect: Reads, Help: "Returns how many comments a post has in each status."},
	// Options.
	{Name: "wp.getOptions", shape: "blog:int user:string password:string [names:array → struct", Rights: settings, Effect: Reads, Help: "Returns site options: the value, a description, and whether the caller may change each."},
	{Name: "wp.setOptions", shape: "blog:int user:string password:string options:struct → struct", Rights: options, Effect: Changes, Help: "Changes site options and returns the ones that were named."},
	// Files.
	{Name: "wp.getMediaItem", shape: "blog:int user:string password:string attachment_id:int → struct", Rights: files, Effect: Reads, Help: "Returns one uploaded file."},
	{Name: "wp.getMediaLibrary", shape: "blog:int user:string password:string [filter:struct → array", Rights: files, Effect: Reads, Help: "Returns the uploaded files that match a filter."},
	{Name: "wp.deleteFile", shape: "blog:int user:string password:string attachment_id:int → boolean", Min: 4, Rights: media, Effect: Changes, Help: "Deletes an uploaded file."},
	{Name: "metaWeblog.newMediaObject", Aliases: []string{"wp.uploadFile"}, shape: "blog:int user:string password:string file:struct → struct", Rights: media, Effect: Creates, Help: "Stores a file and returns its id and URL."},
	// Blogger.
	{Name: "blogger.getUsersBlogs", Aliases: []string{"metaWeblog.getUsersBlogs"}, shape: "app_key:string user:string password:string → array", Effect: Reads, Help: "Returns the blogs that the caller may write to."},
	{Name: "blogger.getUserInfo", shape: "app_key:string user:string password:string → struct", Rights: posts, Effect: Reads, Help: "Returns the caller's names and addresses."},
	{Name: "blogger.getPost", shape: "app_key:string post_id:string user:string password:string → struct", Rights: posts, Effect: Reads, Help: "Returns one post as a single text."},
	{Name: "blogger.getRecentPosts", shape: "app_key:string blog:string user:string password:string [number:int → array", Rights: posts, Effect: Reads, Help: "Returns the newest posts."},
	{Name: "blogger.newPost", shape: "app_key:string blog:string user:string password:string text:string publish:boolean → int", Rights: write, Effect: Creates, Help: "Creates a post from a single text and returns its id."},
	{Name: "blogger.editPost", shape: "app_key:string post_id:string user:string password:string text:string publish:boolean → boolean", Rights: write, Effect: Changes, Help: "Changes the text of a post."},
	{Name: "blogger.deletePost", Aliases: []string{"metaWeblog.deletePost"}, shape: "app_key:string post_id:string user:string password:string [publish:boolean → boolean", Rights: write, Effect: Changes, Help: "Moves a post to the trash, or deletes it if it is already there."},
	// MetaWeblog.
	{Name: "metaWeblog.newPost", shape: "blog:string user:string password:string content:struct [publish:boolean → string", Rights: write, Effect: Creates, Help: "Creates a post and returns its id."},
	{Name: "metaWeblog.editPost", shape: "post_id:string user:string password:string content:struct [publish:boolean → boolean", Rights: write, Effect: Changes, Help: "Changes a post."},
	{Name: "metaWeblog.getPost", shape: "post_id:string user:string password:string → struct", Rights: posts, Effect: Reads, Help: "Returns one post."},
	{Name: "metaWeblog.getRecentPosts", shape: "blog:string user:string password:string [number:int → array", Rights: posts, Effect: Reads, Help: "Returns the newest posts."},
	{Name: "metaWeblog.getCategories", Aliases: []string{"wp.getCategories"}, shape: "blog:string user:string password:string → array", Rights: posts, Effect: Reads, Help: "Returns all categories."},
	// Movable Type.
	{Name: "mt.getRecentPostTitles", shape: "blog:string user:string password:string [number:int → array", Rights: posts, Effect: Reads, Help: "Returns the newest posts without their text."},
	{Name: "mt.getCategoryList", shape: "blog:string user:string password:string → array", Rights: posts, Effect: Reads, Help: "Returns the ids and names of all categories."},
	{Name: "mt.getPostCategories", shape: "post_id:string user:string password:string → array", Rights: posts, Effect: Reads, Help: "Returns the categories of a post."},
	{Name: "mt.setPostCategories", shape: "post_id:string user:string password:string categories:array → boolean", Rights: write, Effect: Changes, Help: "Replaces the categories of a post."},
	{Name: "mt.publishPost", shape: "post_id:string user:string password:string → int", Rights: publish, Effect: Changes, Help: "Publishes a post."},
	{Name: "mt.supportedMethods", shape: "→ array", Effect: Reads, Help: "Returns the names of all methods."},
	{Name: "mt.supportedTextFilters", shape: "→ array", Effect: Reads, Help: "Returns the text filters. This server has none."},
	{Name: "mt.getTrackbackPings", shape: "post_id:string → array", Effect: Reads, Help: "Returns the pingbacks and trackbacks of a post."},
	// Pingbacks.
	{Name: "pingback.ping", shape: "source_url:string target_url:string → string", Effect: Creates, Help: "Reports a page that links to a post of this blog."},
	{Name: "pingback.extensions.getPingbacks", shape: "url:string → array", Effect: Reads, Help: "Returns the pages that link to a post."},
	// Application keys: quillgate's own methods.
	{Name: "xmlrpcs.createApplication", shape: "blog:int user:string password:string name:string [settings:struct → struct", Min: 4, SignIn: PasswordOnly, Effect: Creates, Help: "Creates an application key and returns its secret, which is shown only this once. The settings are scope, methods, networks, strict, expires (a date or a number of days), and code, the current code of the account's second factor if it has one."},
	{Name: "xmlrpcs.introspect", shape: "[user:string [password:string → struct", Effect: Reads, Help: "Describes the caller's own key or token: its name, rights, expiry and owner. Also returns the server's time."},
	{Name: "xmlrpcs.rotate", shape: "[overlap_hours:int [algorithm:string [verification_key:string [lost_successor:string → struct", SignIn: KeyOnly, Effect: Creates, Help: "Creates the successor of the key that signs. Both keys work during the overlap: 24 hours by default, 720 at most; with 0 the old key is revoked at once. A client without a secret sends its new verification key. A client that never received the answer sends the public key of the lost successor, which xmlrpcs.introspect names; that successor is revoked unless it was used."},
	{Name: "xmlrpcs.revoke", shape: "→ boolean", SignIn: KeyOnly, Effect: Changes, Help: "Revokes the key that signs the request."},
	{Name: "xmlrpcs.enrol", shape: "code:string name:string algorithm:string verification_key:string → struct", Min: 4, SignIn: CodeOnly, Effect: Creates, Help: "Creates a key without a secret from a public key in PEM. The code is the one-time code of an open enrolment."},
	// The protocol itself, in package xmlrpc. The last two, except demo, exist
	// if introspection is enabled on the server.
	{Name: "system.multicall", shape: "calls:array → array", Protocol: true, Effect: Creates, Help: "Answers several calls in one request. The array holds structs with methodName and params; the result holds, in the same order, an array with the one result or a struct with faultCode and faultString."},
	{Name: "system.listMethods", shape: "→ array", Protocol: true, Effect: Reads, Help: "Returns the names of all methods."},
	{Name: "system.getCapabilities", shape: "→ struct", Protocol: true, Effect: Reads, Help: "Returns the specifications that the server follows."},
	{Name: "system.methodSignature", shape: "method:string → array", Protocol: true, Effect: Reads, Help: "Returns the signatures of a method: arrays with the type of the result and those of the parameters."},
	{Name: "system.methodHelp", shape: "method:string → string", Protocol: true, Effect: Reads, Help: "Returns what a method does, in words."},
	{Name: "demo.sayHello", shape: "→ string", Protocol: true, Effect: Reads, Help: "Returns Hello!"},
	{Name: "demo.addTwoNumbers", shape: "a:int b:int → int", Protocol: true, Effect: Reads, Help: "Returns the sum of two numbers."},
})
