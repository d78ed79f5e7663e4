return await FeedMall.AllInOne.AllInOneApp.RunAsync(args, Console.Out, Console.Error);
