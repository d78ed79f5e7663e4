return await FeedMall.AllInOne.AllInOneApp.RunAsync(args);
