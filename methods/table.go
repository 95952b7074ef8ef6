package methods

//go:generate go test -run ^TestReference$ -update .

// The rights that methods ask for; see Method.Rights. A key that writes may read what it writes, so that a client's first
// refresh works.
var (
	posts    = []string{"read", "draft", "publish"}
	files    = []string{"read", "media"}
	talk     = []string{"read", "comments"}
	people   = []string{"read", "users"}
	settings = []string{"read", "draft", "publish", "media", "options"}
	write    = []string{"draft", "publish"} // what is written decides which of them
	publish  = []string{"publish"}
	media    = []string{"media"}
	comments = []string{"comments"}
	users    = []string{"users"}
	options  = []string{"options"}
)

// table has one row for each method. A new method is one row here and one function in package wordpress.
var table = complete([]Method{
	// Users.
	{Name: "wp.getUsersBlogs", shape: "user:string password:string → array", Min: 2, Effect: Reads, Help: "The blogs that the caller may write to."},
	{Name: "wp.getUser", shape: "blog:int user:string password:string user_id:int [fields:array → struct", Min: 4, Rights: people, Effect: Reads, Help: "One user."},
	{Name: "wp.getUsers", shape: "blog:int user:string password:string [filter:struct [fields:array → array", Min: 3, Rights: people, Effect: Reads, Help: "Users, filtered."},
	{Name: "wp.getProfile", shape: "blog:int user:string password:string [fields:array → struct", Min: 3, Rights: people, Effect: Reads, Help: "The caller's own profile."},
	{Name: "wp.editProfile", shape: "blog:int user:string password:string content:struct → boolean", Min: 4, Rights: users, Effect: Changes, Help: "Changes the caller's own profile."},
	{Name: "wp.getAuthors", shape: "blog:int user:string password:string → array", Rights: posts, Effect: Reads, Help: "The users who may write posts."},
	// Posts of every type.
	{Name: "wp.newPost", shape: "blog:int user:string password:string content:struct → string", Min: 4, Rights: write, Effect: Creates, Help: "Creates a post of any type; the result is its id."},
	{Name: "wp.editPost", shape: "blog:int user:string password:string post_id:int content:struct → boolean", Min: 5, Rights: write, Effect: Changes, Help: "Changes the given members of a post."},
	{Name: "wp.deletePost", shape: "blog:int user:string password:string post_id:int → boolean", Min: 4, Rights: write, Effect: Changes, Help: "Moves a post to the trash, or deletes it when it is there."},
	{Name: "wp.getPost", shape: "blog:int user:string password:string post_id:int [fields:array → struct", Min: 4, Rights: posts, Effect: Reads, Help: "One post."},
	{Name: "wp.getPosts", shape: "blog:int user:string password:string [filter:struct [fields:array → array", Min: 3, Rights: posts, Effect: Reads, Help: "Posts, filtered."},
	{Name: "wp.getRevisions", shape: "blog:int user:string password:string post_id:int [fields:array → array", Min: 4, Rights: posts, Effect: Reads, Help: "The revisions of a post."},
	{Name: "wp.restoreRevision", shape: "blog:int user:string password:string revision_id:int → boolean", Min: 3, Rights: write, Effect: Changes, Help: "Brings a post back to a revision."},
	{Name: "wp.getPostFormats", shape: "blog:int user:string password:string [filter:struct → struct", Min: 3, Rights: posts, Effect: Reads, Help: "The post formats and their names."},
	{Name: "wp.getPostType", shape: "blog:int user:string password:string post_type:string [fields:array → struct", Min: 4, Rights: posts, Effect: Reads, Help: "One post type."},
	{Name: "wp.getPostTypes", shape: "blog:int user:string password:string [filter:struct [fields:array → struct", Min: 3, Rights: posts, Effect: Reads, Help: "The post types, filtered."},
	{Name: "wp.getPostStatusList", shape: "blog:int user:string password:string → struct", Rights: posts, Effect: Reads, Help: "The statuses a post may have."},
	// Terms.
	{Name: "wp.newTerm", shape: "blog:int user:string password:string content:struct → string", Min: 4, Rights: publish, Effect: Creates, Help: "Creates a term; the result is its id."},
	{Name: "wp.editTerm", shape: "blog:int user:string password:string term_id:int content:struct → boolean", Min: 5, Rights: publish, Effect: Changes, Help: "Changes a term."},
	{Name: "wp.deleteTerm", shape: "blog:int user:string password:string taxonomy:string term_id:int → boolean", Min: 5, Rights: publish, Effect: Changes, Help: "Deletes a term."},
	{Name: "wp.getTerm", shape: "blog:int user:string password:string taxonomy:string term_id:int → struct", Min: 5, Rights: posts, Effect: Reads, Help: "One term."},
	{Name: "wp.getTerms", shape: "blog:int user:string password:string taxonomy:string [filter:struct → array", Min: 4, Rights: posts, Effect: Reads, Help: "The terms of a taxonomy, filtered."},
	{Name: "wp.getTaxonomy", shape: "blog:int user:string password:string taxonomy:string [fields:array → struct", Min: 4, Rights: posts, Effect: Reads, Help: "One taxonomy."},
	{Name: "wp.getTaxonomies", shape: "blog:int user:string password:string [filter:struct [fields:array → array", Min: 3, Rights: posts, Effect: Reads, Help: "The taxonomies."},
	{Name: "wp.getTags", shape: "blog:int user:string password:string → array", Rights: posts, Effect: Reads, Help: "The tags that posts use."},
	{Name: "wp.newCategory", shape: "blog:int user:string password:string content:struct → int", Rights: publish, Effect: Creates, Help: "Creates a category; the result is its id."},
	{Name: "wp.deleteCategory", shape: "blog:int user:string password:string category_id:int → boolean", Rights: publish, Effect: Changes, Help: "Deletes a category."},
	{Name: "wp.suggestCategories", shape: "blog:int user:string password:string text:string number:int → array", Rights: posts, Effect: Reads, Help: "Categories with the given text in their names."},
	// Pages.
	{Name: "wp.getPage", shape: "blog:int page_id:int user:string password:string → struct", Rights: posts, Effect: Reads, Help: "One page."},
	{Name: "wp.getPages", shape: "blog:int user:string password:string [number:int → array", Rights: posts, Effect: Reads, Help: "The newest pages."},
	{Name: "wp.newPage", shape: "blog:int user:string password:string content:struct [publish:boolean → string", Rights: write, Effect: Creates, Help: "Creates a page; the result is its id."},
	{Name: "wp.editPage", shape: "blog:int page_id:int user:string password:string content:struct [publish:boolean → boolean", Rights: write, Effect: Changes, Help: "Changes a page."},
	{Name: "wp.deletePage", shape: "blog:int user:string password:string page_id:int → boolean", Rights: write, Effect: Changes, Help: "Deletes a page."},
	{Name: "wp.getPageList", shape: "blog:int user:string password:string → array", Rights: posts, Effect: Reads, Help: "All pages with title, parent and date."},
	{Name: "wp.getPageStatusList", shape: "blog:int user:string password:string → struct", Rights: posts, Effect: Reads, Help: "The statuses a page may have."},
	{Name: "wp.getPageTemplates", shape: "blog:int user:string password:string → struct", Rights: posts, Effect: Reads, Help: "The page templates of the theme."},
	// Comments.
	{Name: "wp.getComment", shape: "blog:int user:string password:string comment_id:int → struct", Rights: talk, Effect: Reads, Help: "One comment."},
	{Name: "wp.getComments", shape: "blog:int user:string password:string [filter:struct → array", Rights: talk, Effect: Reads, Help: "Comments, filtered."},
	{Name: "wp.deleteComment", shape: "blog:int user:string password:string comment_id:int → boolean", Rights: comments, Effect: Changes, Help: "Moves a comment to the trash, or deletes it when it is there."},
	{Name: "wp.editComment", shape: "blog:int user:string password:string comment_id:int content:struct → boolean", Rights: comments, Effect: Changes, Help: "Changes a comment."},
	{Name: "wp.newComment", shape: "blog:int user:string password:string post_id:int content:struct → int", SignIn: Optional, Rights: comments, Effect: Creates, Help: "Adds a comment to a post; the result is its id."},
	{Name: "wp.getCommentStatusList", shape: "blog:int user:string password:string → struct", Rights: talk, Effect: Reads, Help: "The statuses a comment may have."},
	{Name: "wp.getCommentCount", shape: "blog:int user:string password:string post_id:int → struct", Rights: talk, Effect: Reads, Help: "The numbers of a post's comments by status."},
	// Options.
	{Name: "wp.getOptions", shape: "blog:int user:string password:string [names:array → struct", Rights: settings, Effect: Reads, Help: "Site options with value, description and whether the caller may change them."},
	{Name: "wp.setOptions", shape: "blog:int user:string password:string options:struct → struct", Rights: options, Effect: Changes, Help: "Changes site options; the result shows those that were named."},
	// Files.
	{Name: "wp.getMediaItem", shape: "blog:int user:string password:string attachment_id:int → struct", Rights: files, Effect: Reads, Help: "One uploaded file."},
	{Name: "wp.getMediaLibrary", shape: "blog:int user:string password:string [filter:struct → array", Rights: files, Effect: Reads, Help: "Uploaded files, filtered."},
	{Name: "wp.deleteFile", shape: "blog:int user:string password:string attachment_id:int → boolean", Min: 4, Rights: media, Effect: Changes, Help: "Deletes an uploaded file."},
	{Name: "metaWeblog.newMediaObject", Aliases: []string{"wp.uploadFile"}, shape: "blog:int user:string password:string file:struct → struct", Rights: media, Effect: Creates, Help: "Stores a file; the result has its id and URL."},
	// Blogger.
	{Name: "blogger.getUsersBlogs", Aliases: []string{"metaWeblog.getUsersBlogs"}, shape: "app_key:string user:string password:string → array", Effect: Reads, Help: "The blogs that the caller may write to."},
	{Name: "blogger.getUserInfo", shape: "app_key:string user:string password:string → struct", Rights: posts, Effect: Reads, Help: "Names and addresses of the caller."},
	{Name: "blogger.getPost", shape: "app_key:string post_id:string user:string password:string → struct", Rights: posts, Effect: Reads, Help: "One post, its parts in one text."},
	{Name: "blogger.getRecentPosts", shape: "app_key:string blog:string user:string password:string [number:int → array", Rights: posts, Effect: Reads, Help: "The newest posts."},
	{Name: "blogger.newPost", shape: "app_key:string blog:string user:string password:string text:string publish:boolean → int", Rights: write, Effect: Creates, Help: "Creates a post out of one text; the result is its id."},
	{Name: "blogger.editPost", shape: "app_key:string post_id:string user:string password:string text:string publish:boolean → boolean", Rights: write, Effect: Changes, Help: "Changes the text of a post."},
	{Name: "blogger.deletePost", Aliases: []string{"metaWeblog.deletePost"}, shape: "app_key:string post_id:string user:string password:string [publish:boolean → boolean", Rights: write, Effect: Changes, Help: "Moves a post to the trash, or deletes it when it is there."},
	// MetaWeblog.
	{Name: "metaWeblog.newPost", shape: "blog:string user:string password:string content:struct [publish:boolean → string", Rights: write, Effect: Creates, Help: "Creates a post; the result is its id."},
	{Name: "metaWeblog.editPost", shape: "post_id:string user:string password:string content:struct [publish:boolean → boolean", Rights: write, Effect: Changes, Help: "Changes a post."},
	{Name: "metaWeblog.getPost", shape: "post_id:string user:string password:string → struct", Rights: posts, Effect: Reads, Help: "One post."},
	{Name: "metaWeblog.getRecentPosts", shape: "blog:string user:string password:string [number:int → array", Rights: posts, Effect: Reads, Help: "The newest posts."},
	{Name: "metaWeblog.getCategories", Aliases: []string{"wp.getCategories"}, shape: "blog:string user:string password:string → array", Rights: posts, Effect: Reads, Help: "All categories."},
	// Movable Type.
	{Name: "mt.getRecentPostTitles", shape: "blog:string user:string password:string [number:int → array", Rights: posts, Effect: Reads, Help: "The newest posts without their texts."},
	{Name: "mt.getCategoryList", shape: "blog:string user:string password:string → array", Rights: posts, Effect: Reads, Help: "All categories, ids and names."},
	{Name: "mt.getPostCategories", shape: "post_id:string user:string password:string → array", Rights: posts, Effect: Reads, Help: "The categories of a post."},
	{Name: "mt.setPostCategories", shape: "post_id:string user:string password:string categories:array → boolean", Rights: write, Effect: Changes, Help: "Replaces the categories of a post."},
	{Name: "mt.publishPost", shape: "post_id:string user:string password:string → int", Rights: publish, Effect: Changes, Help: "Publishes a post."},
	{Name: "mt.supportedMethods", shape: "→ array", Effect: Reads, Help: "The names of all methods."},
	{Name: "mt.supportedTextFilters", shape: "→ array", Effect: Reads, Help: "The text filters; there are none."},
	{Name: "mt.getTrackbackPings", shape: "post_id:string → array", Effect: Reads, Help: "The pingbacks and trackbacks of a post."},
	// Pingbacks.
	{Name: "pingback.ping", shape: "source_url:string target_url:string → string", Effect: Creates, Help: "Tells this blog of a page that links to one of its posts."},
	{Name: "pingback.extensions.getPingbacks", shape: "url:string → array", Effect: Reads, Help: "The pages that link to a post."},
	// Keys of applications; quillgate's own.
	{Name: "xmlrpcs.createApplication", shape: "blog:int user:string password:string name:string [settings:struct → struct", Min: 4, SignIn: PasswordOnly, Effect: Creates, Help: "Makes an application key; the secret is answered this once. The settings are scope, methods, networks, strict and expires (a date or a number of days); code is the current one of the account's second factor, if it has one."},
	{Name: "xmlrpcs.introspect", shape: "[user:string [password:string → struct", Effect: Reads, Help: "What the caller's own key or token is called, may do and when it ends, whom it belongs to, and the server's time."},
	{Name: "xmlrpcs.rotate", shape: "[overlap_hours:int [algorithm:string [verification_key:string [lost_successor:string → struct", SignIn: KeyOnly, Effect: Creates, Help: "Makes the pair that takes over from the key that signs. Both work for the overlap, 24 hours unless it is given, 720 at most; with 0 the old pair ends at once. A key without a secret sends the verification key that takes over. A key with a secret that never got the answer asks again with the public key of that successor, which is revoked unless it was used; xmlrpcs.introspect names it."},
	{Name: "xmlrpcs.revoke", shape: "→ boolean", SignIn: KeyOnly, Effect: Changes, Help: "Ends the key that signs."},
	{Name: "xmlrpcs.enrol", shape: "code:string name:string algorithm:string verification_key:string → struct", Min: 4, SignIn: CodeOnly, Effect: Creates, Help: "Makes a key without a secret out of a public key in PEM, for whoever has the one-time code of an open enrolment."},
	// The protocol itself, in package xmlrpc. The last two but demo are there when the server's introspection is on.
	{Name: "system.multicall", shape: "calls:array → array", Protocol: true, Effect: Creates, Help: "Answers several calls in one request. The array holds structs with methodName and params; the result holds, in the same order, an array with the one result or a struct with faultCode and faultString."},
	{Name: "system.listMethods", shape: "→ array", Protocol: true, Effect: Reads, Help: "Returns the names of all methods."},
	{Name: "system.getCapabilities", shape: "→ struct", Protocol: true, Effect: Reads, Help: "Returns the specifications that the server follows."},
	{Name: "system.methodSignature", shape: "method:string → array", Protocol: true, Effect: Reads, Help: "Returns the signatures of a method: arrays with the type of the result and those of the parameters."},
	{Name: "system.methodHelp", shape: "method:string → string", Protocol: true, Effect: Reads, Help: "Returns what a method does, in words."},
	{Name: "demo.sayHello", shape: "→ string", Protocol: true, Effect: Reads, Help: "Returns Hello!"},
	{Name: "demo.addTwoNumbers", shape: "a:int b:int → int", Protocol: true, Effect: Reads, Help: "Returns the sum of two numbers."},
})
